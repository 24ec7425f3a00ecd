import type { ModelRef } from '../domain/model-ref.ts';
import type { ProbeSettings } from './canary-round.ts';
import type { Prober, RowProbe } from './prober.ts';

export interface SentinelMeasurement {
  /** Loss per probed row, in [0, 1]. */
  readonly losses: readonly number[];
  /** Whether the served model's answer was changed within epsilon, per probed row. */
  readonly broken: readonly boolean[];
  /** Rows that could not be probed; they are in neither list. */
  readonly unprobeable: number;
  readonly rows: readonly RowProbe[];
}

export interface MeasureOptions {
  readonly prober: Prober;
  readonly settings: ProbeSettings;
  readonly model: ModelRef;
  readonly inputs: Float32Array;
  /** Seeds the attacks: one per row. */
  readonly ids: readonly string[];
  readonly chunkRows?: number;
  onProgress?(done: number): void;
}

/** Runs every sentinel on a fixed set of inputs, exactly as on traffic. One measurement per recipe, in their order. */
export async function measureSentinels(options: MeasureOptions): Promise<SentinelMeasurement[]> {
  const { prober, settings, model, inputs, ids, chunkRows = 256 } = options;
  const features = inputs.length / Math.max(1, ids.length);
  const perRecipe: RowProbe[][] = settings.recipes.map(() => []);
  for (let from = 0; from < ids.length; from += chunkRows) {
    const to = Math.min(ids.length, from + chunkRows);
    const chunk = { ids: ids.slice(from, to), inputs: inputs.subarray(from * features, to * features) };
    const results = await prober.probe({ ...settings, ...chunk, model });
    results.forEach((rows, r) => perRecipe[r]!.push(...rows));
    options.onProgress?.(to);
  }
  return perRecipe.map(summarise);
}

function summarise(rows: readonly RowProbe[]): SentinelMeasurement {
  const measured = rows.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.measurement] : []));
  return {
    losses: measured.map(({ loss }) => loss),
    broken: measured.map(({ success }) => success),
    unprobeable: rows.length - measured.length,
    rows,
  };
}
