import { AppError } from '../domain/errors.ts';
import type { DeadLetterReason } from './events.ts';

/** How raw numbers of an event become inputs of the model, declared once. */
export interface InputSpec {
  /** Shape of one input without the batch dimension, channels last. */
  readonly shape: readonly number[];
  /** Valid range of every input, after pre-processing. */
  readonly range: readonly [number, number];
  /** input = (raw · scale + offset − mean) / std; scale > 0. */
  readonly scale: number;
  readonly offset: number;
  /** One number, or one per channel. Default 0. */
  readonly mean?: readonly number[] | undefined;
  /** One number, or one per channel, above 0. Default 1. */
  readonly std?: readonly number[] | undefined;
  /** Order of the sides in the log: channels last as in the shape, or first. Default nhwc. */
  readonly layout?: 'nhwc' | 'nchw' | undefined;
}

/** A spec made ready for reading many rows. */
export interface CompiledInput {
  /** Number of values of one input. */
  readonly size: number;
  /** Shape of one input as it is logged. */
  readonly loggedShape: readonly number[];
  /** Puts one logged number, the `at`-th in row-major order, where it belongs in the input. */
  put(out: Float32Array, at: number, raw: number): Unfit | undefined;
}

export interface Unfit {
  readonly reason: DeadLetterReason;
  readonly expected: string;
  readonly got: string;
}

/** Numbers that leave the range by less than this share of its width are rounding, and are clipped. */
const ROUNDING_SHARE = 1e-6;

/**
 * @throws {AppError} TEMPER_CONFIG_INVALID when mean or std fit neither one nor all channels, or channels come first in a
 *   shape that is not [height, width, channels]
 */
export function compileInput(spec: InputSpec): CompiledInput {
  const { shape, range, layout = 'nhwc' } = spec;
  const channels = shape.at(-1) ?? 1;
  const size = shape.reduce((product, side) => product * side, 1);
  const { slopes, shifts } = affineOf(spec, channels);
  if (layout === 'nchw' && shape.length !== 3)
    throw invalid('layout', 'nhwc, as the input shape is not [height, width, channels]', 'nchw');
  const [low, high] = range;
  const rounding = (high - low) * ROUNDING_SHARE;
  const area = size / channels;
  const isFirst = layout === 'nchw';
  return {
    size,
    loggedShape: isFirst ? [channels, ...shape.slice(0, -1)] : shape,
    put(out, at, raw) {
      if (!Number.isFinite(raw))
        return { reason: 'not_finite', expected: 'a finite number', got: String(raw) };
      const channel = isFirst ? Math.floor(at / area) : at % channels;
      const input = raw * slopes[channel]! + shifts[channel]!;
      if (input < low - rounding || input > high + rounding) {
        const ends = range.map((end) => Number(((end - shifts[channel]!) / slopes[channel]!).toPrecision(6)));
        return { reason: 'out_of_range', expected: `a number in [${ends.join(', ')}]`, got: String(raw) };
      }
      out[isFirst ? (at % area) * channels + channel : at] = Math.min(high, Math.max(low, input));
      return undefined;
    },
  };
}

/** (raw · scale + offset − mean) / std as raw · slope + shift, per channel. */
function affineOf({ scale, offset, mean = [0], std = [1] }: InputSpec, channels: number): Affine {
  for (const [name, list] of Object.entries({ mean, std }))
    if (list.length !== 1 && list.length !== channels)
      throw invalid(name, `one number, or ${channels}, one per channel`, `${list.length}`);
  const perChannel = (value: (channel: number) => number): Float64Array =>
    Float64Array.from({ length: channels }, (_, channel) => value(channel));
  const meanOf = (channel: number): number => mean[channel] ?? mean[0]!;
  const stdOf = (channel: number): number => std[channel] ?? std[0]!;
  return {
    slopes: perChannel((channel) => scale / stdOf(channel)),
    shifts: perChannel((channel) => (offset - meanOf(channel)) / stdOf(channel)),
  };
}

interface Affine {
  readonly slopes: Float64Array;
  readonly shifts: Float64Array;
}

function invalid(key: string, expected: string, got: string): AppError {
  return new AppError(
    'TEMPER_CONFIG_INVALID',
    `stream.preprocessing.${key}: expected ${expected}, got ${got}`,
  );
}
