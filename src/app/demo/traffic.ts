import type { DataSlice } from '../../data/dataset.ts';

/** A stretch of production traffic: requests, and the labels that trail behind them. */
export interface TrafficOptions {
  readonly data: DataSlice;
  /** Rows [from, to) of the data, one request each. */
  readonly from: number;
  readonly to: number;
  /** Prefix of the event ids, unique per stretch. */
  readonly prefix: string;
  /** Event time of row 0, ms since the epoch, and the time between two requests, ms. */
  readonly startMs: number;
  readonly stepMs: number;
  /** A request's label follows after this many further requests, or at the end of the stretch. */
  readonly labelDelay: number;
  readonly model: string;
}

/** JSON lines as a request logger and a labelling process would write them into one topic. */
export function trafficLines(options: TrafficOptions): string[] {
  const { data, from, to, labelDelay } = options;
  const lines: string[] = [];
  for (let row = from; row < to; row++) {
    lines.push(requestLine(options, row));
    if (row - labelDelay >= from) lines.push(labelLine(options, row - labelDelay, row));
  }
  for (let row = Math.max(from, to - labelDelay); row < Math.min(to, data.count); row++) {
    lines.push(labelLine(options, row, to));
  }
  return lines;
}

function requestLine(options: TrafficOptions, row: number): string {
  const { inputs } = options.data.rows([row]);
  return JSON.stringify({
    id: eventId(options, row),
    time: timeOf(options, row),
    model: options.model,
    instances: [nest(inputs, options.data.inputShape)],
  });
}

function labelLine(options: TrafficOptions, row: number, writtenAtRow: number): string {
  const { labels } = options.data.rows([row]);
  return JSON.stringify({ id: eventId(options, row), time: timeOf(options, writtenAtRow), label: labels[0] });
}

function eventId({ prefix }: TrafficOptions, row: number): string {
  return `${prefix}-${String(row).padStart(6, '0')}`;
}

function timeOf({ startMs, stepMs, from }: TrafficOptions, row: number): string {
  return new Date(startMs + (row - from) * stepMs).toISOString();
}

type Nested = number | Nested[];

/** Row-major features as nested arrays. Pixels are multiples of 1/255; five digits name each of them and keep lines short. */
function nest(values: Float32Array, shape: readonly number[]): Nested {
  const [side, ...rest] = shape;
  if (side === undefined) return Number(values[0]!.toFixed(5));
  const stride = values.length / side;
  return Array.from({ length: side }, (_, i) => nest(values.subarray(i * stride, (i + 1) * stride), rest));
}
