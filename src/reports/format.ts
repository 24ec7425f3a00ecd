import type { Interval } from '../domain/interval.ts';

/** `97.9 %`: one decimal, which is what a thousand examples can tell apart. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** `97.9 % [96.8, 98.7]`. */
export function formatPercentInterval({ value, lower, upper }: Interval): string {
  return `${formatPercent(value)} [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}]`;
}

/** `0.41 [0.36, 0.46]`: for risks, which are mean losses and no shares. */
export function formatInterval({ value, lower, upper }: Interval): string {
  return `${value.toFixed(3)} [${lower.toFixed(3)}, ${upper.toFixed(3)}]`;
}

/** `n = 1,000, 95 % confidence`. */
export function formatBasis({ n, confidence }: Interval): string {
  return `n = ${formatCount(n)}, ${Number((100 * confidence).toPrecision(6))} % confidence`;
}

/** `12,000`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** Three significant digits without trailing zeros: `0.12`, `1.5`, `240`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'none' : 'unlimited';
  return Math.abs(value) >= 1000 ? formatCount(value) : String(Number(value.toPrecision(3)));
}

/** `0.4 s`, `18 s`, `2 min 05 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** `model_changed` to `model changed`. */
export function formatWords(identifier: string): string {
  return identifier.replaceAll('_', ' ');
}
