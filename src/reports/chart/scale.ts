/** A linear map from data to pixels, with round tick values. */
export interface Scale {
  readonly domain: readonly [number, number];
  /** Data to pixels; values outside the domain are clamped to its ends. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

export interface ScaleOptions {
  readonly domain: readonly [number, number];
  readonly pixels: readonly [number, number];
  /** About how many ticks. */
  readonly tickCount: number;
  /** Whether the domain may grow to round numbers. */
  readonly nice?: boolean;
}

export function createScale({ domain, pixels, tickCount, nice = false }: ScaleOptions): Scale {
  const step = tickStep(domain[1] - domain[0], tickCount);
  const [low, high] = nice
    ? [Math.floor(domain[0] / step) * step, Math.ceil(domain[1] / step) * step]
    : domain;
  const width = high - low || 1;
  const [from, to] = pixels;
  return {
    domain: [low, high],
    at: (value) => from + ((Math.min(Math.max(value, low), high) - low) / width) * (to - from),
    ticks: ticksBetween(low, high, step),
  };
}

/** 1, 2 or 5 times a power of ten: the smallest that gives at most `count` steps. */
function tickStep(width: number, count: number): number {
  if (!(width > 0)) return 1;
  const rough = width / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function ticksBetween(low: number, high: number, step: number): readonly number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Multiples, not sums, so that 0.3 is not 0.30000000000000004.
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Smallest interval that holds every finite value; [0, 1] for none. */
export function extent(values: readonly number[]): readonly [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}
