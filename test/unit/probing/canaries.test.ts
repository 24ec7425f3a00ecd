import {
  canarySetId,
  compareWithReference,
  countDiscordant,
  countLabelErrors,
  type Canary,
  type CanarySet,
} from '../../../src/probing/canaries.ts';
import { decodeCanarySet, encodeCanarySet } from '../../../src/probing/canary-codec.ts';
import type { ServedReading } from '../../../src/probing/served-reader.ts';

const answer = (...scores: number[]): ServedReading => ({
  kind: 'answer',
  scores: Float32Array.from(scores),
  predicted: scores.indexOf(Math.max(...scores)),
});
const failed: ServedReading = { kind: 'failed', reason: 'served_rejected_input' };
const canary = (label?: number): Canary => ({
  kind: label === undefined ? 'production' : 'labelled',
  input: Float32Array.of(0.5, label ?? 9),
  ...(label === undefined ? {} : { label }),
});
const set: CanarySet = {
  setId: 's',
  model: 'm',
  version: '2',
  canaries: [canary(0), canary(1), canary()],
  referenceScores: [Float32Array.of(2, 1), Float32Array.of(0, 3), undefined],
  referenceSurvived: [true, true, false],
};

describe('canaries', () => {
  it('takes rounding for rounding and nothing more', () => {
    expect(compareWithReference(set, [answer(2.00005, 1), answer(0, 3), answer(1, 0)], 1e-4)).toMatchObject({
      changed: false,
      compared: 2,
      flipped: 0,
    });
    expect(compareWithReference(set, [answer(2.001, 1), answer(0, 3), answer(1, 0)], 1e-4).changed).toBe(
      true,
    );
  });

  it('counts flipped classes and leaves failed rows out', () => {
    expect(compareWithReference(set, [answer(1, 2), failed, failed], 1e-4)).toMatchObject({
      changed: true,
      flipped: 1,
      compared: 1,
    });
    expect(compareWithReference(set, [failed, failed, failed], 1e-4)).toEqual({
      changed: false,
      maximumDifference: 0,
      flipped: 0,
      compared: 0,
    });
  });

  it('sees another number of classes as a change', () => {
    expect(compareWithReference(set, [answer(2, 1, 0)], 1e-4).maximumDifference).toBe(Infinity);
  });

  it('counts label errors on labelled canaries that were answered', () => {
    expect(countLabelErrors(set.canaries, [answer(1, 2), answer(0, 1), answer(0, 1)])).toEqual({
      errors: 1,
      labelled: 2,
    });
    expect(countLabelErrors(set.canaries, [failed, answer(0, 1)])).toEqual({ errors: 0, labelled: 1 });
  });

  it('counts discordant pairs both ways', () => {
    expect(countDiscordant([true, true, false, false], [false, true, true, false])).toEqual({
      worse: 1,
      better: 1,
    });
  });

  it('names a set by its content', () => {
    const id = canarySetId('m', '2', set.canaries);
    expect(id).toBe(canarySetId('m', '2', [canary(0), canary(1), canary()]));
    expect(id).not.toBe(canarySetId('m', '3', set.canaries));
    expect(id).not.toBe(canarySetId('m', '2', set.canaries.slice(1)));
  });
});

describe('canary codec', () => {
  it('gives back what it was given', () => {
    expect(decodeCanarySet(encodeCanarySet(set))).toEqual(set);
  });
});
