import { AppError } from '../../../src/domain/errors.ts';
import { createServedReader, type ScoreSource } from '../../../src/probing/served-reader.ts';

/** A server that rejects every batch holding a value above 1, as real servers answer 500 to one bad row. */
const picky: ScoreSource & { calls: number } = {
  calls: 0,
  predict(inputs, count) {
    picky.calls++;
    if (inputs.some((value) => value > 1)) {
      return Promise.reject(new AppError('TEMPER_TARGET_REJECTED', 'bad row'));
    }
    return Promise.resolve(
      Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? inputs[i >> 1]! : 0.5)),
    );
  },
};
beforeEach(() => {
  picky.calls = 0;
});

describe('createServedReader', () => {
  it('reads a clean batch with one question', async () => {
    const reader = createServedReader({ served: picky, knownGood: () => undefined });
    const readings = await reader.read(Float32Array.of(0, 1), 2);
    expect(readings.map((reading) => reading.kind === 'answer' && reading.predicted)).toEqual([1, 0]);
    expect(picky.calls).toBe(1);
  });

  it('finds the bad row and answers for the others', async () => {
    const reader = createServedReader({ served: picky, knownGood: () => Float32Array.of(0) });
    const readings = await reader.read(Float32Array.of(0, 7, 1), 3);
    expect(readings.map(({ kind }) => kind)).toEqual(['answer', 'failed', 'answer']);
    expect(readings[1]).toEqual({ kind: 'failed', reason: 'served_rejected_input' });
  });

  it('blames the server when even a known-good input fails', async () => {
    const broken: ScoreSource = {
      predict: () => Promise.reject(new AppError('TEMPER_TARGET_REJECTED', 'everything is bad')),
    };
    const reader = createServedReader({ served: broken, knownGood: () => Float32Array.of(0) });
    await expect(reader.read(Float32Array.of(0, 1), 2)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_UNREACHABLE',
      retryable: true,
    });
  });

  it('hands an unreachable server to the caller at once', async () => {
    const away: ScoreSource = {
      predict: () =>
        Promise.reject(new AppError('TEMPER_TARGET_UNREACHABLE', 'refused', { retryable: true })),
    };
    const reader = createServedReader({ served: away, knownGood: () => undefined });
    await expect(reader.read(Float32Array.of(0), 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_UNREACHABLE',
    });
  });

  it('asks nothing for nothing', async () => {
    expect(
      await createServedReader({ served: picky, knownGood: () => undefined }).read(new Float32Array(0), 0),
    ).toEqual([]);
    expect(picky.calls).toBe(0);
  });

  const refusal = (status: number): AppError =>
    new AppError('TEMPER_TARGET_REJECTED', 'refused', { details: { status } });

  it('tells the breaker when a known-good input fails', async () => {
    const reportFailure = jest.fn();
    const broken: ScoreSource = { predict: () => Promise.reject(refusal(500)), reportFailure };
    const reader = createServedReader({ served: broken, knownGood: () => Float32Array.of(0) });
    await expect(reader.read(Float32Array.of(0), 1)).rejects.toMatchObject({ retryable: true });
    expect(reportFailure).toHaveBeenCalledTimes(1);
  });

  it('takes what was answered before as known to be good', async () => {
    const reportFailure = jest.fn();
    const reader = createServedReader({ served: { ...picky, reportFailure }, knownGood: () => undefined });
    await reader.read(Float32Array.of(0.5), 1);
    expect(await reader.read(Float32Array.of(7), 1)).toMatchObject([{ kind: 'failed' }]);
    expect(reportFailure).not.toHaveBeenCalled();
  });

  it('blames the server for errors 500 while nothing is known to be good, and the row for others', async () => {
    const answering = (status: number): ScoreSource => ({ predict: () => Promise.reject(refusal(status)) });
    const read = (status: number): Promise<unknown> =>
      createServedReader({ served: answering(status), knownGood: () => undefined }).read(
        Float32Array.of(0),
        1,
      );
    await expect(read(500)).rejects.toMatchObject({ code: 'TEMPER_TARGET_UNREACHABLE' });
    expect(await read(400)).toMatchObject([{ kind: 'failed', reason: 'served_rejected_input' }]);
  });

  it('says what stopped the known-good input, when that is not the server', async () => {
    let calls = 0;
    const paused: ScoreSource = {
      predict: () => {
        calls++;
        return Promise.reject(
          calls < 3 ? refusal(500) : new AppError('TEMPER_TARGET_PAUSED', 'switch', { retryable: true }),
        );
      },
    };
    const reader = createServedReader({ served: paused, knownGood: () => Float32Array.of(0) });
    await expect(reader.read(Float32Array.of(1), 1)).rejects.toMatchObject({ code: 'TEMPER_TARGET_PAUSED' });
  });
});
