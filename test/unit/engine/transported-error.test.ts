import { AppError } from '../../../src/domain/errors.ts';
import { packError, unpackError } from '../../../src/engine/transported-error.ts';

describe('an error that crosses processes', () => {
  const cross = (caught: unknown): AppError => unpackError(structuredClone(packError(caught)), 'train');

  it('keeps code, message and whether to try again when it is ours', () => {
    const error = cross(new AppError('TEMPER_MODEL_CORRUPT', 'hash differs', { retryable: true }));
    expect(error).toMatchObject({ code: 'TEMPER_MODEL_CORRUPT', message: 'hash differs', retryable: true });
  });

  it('becomes a failed task when it is not, with the original as the cause', () => {
    const original = Object.assign(new TypeError('x is undefined'), { code: 'ENOENT' });
    const error = cross(original);
    expect(error).toMatchObject({ code: 'TEMPER_ENGINE_TASK_FAILED', retryable: false });
    expect(error.message).toBe('task train failed in a compute worker: x is undefined');
    expect(error.cause).toMatchObject({ message: 'x is undefined', code: 'ENOENT', stack: original.stack });
  });

  it.each(['text', null, undefined, 7])('survives being no error at all (%p)', (thrown) => {
    expect(cross(thrown).message).toContain(String(thrown));
  });
});
