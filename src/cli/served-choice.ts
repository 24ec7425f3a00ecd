import type { DataSlice } from '../data/dataset.ts';
import { AppError } from '../domain/errors.ts';
import type { ServedModel } from '../models/served.ts';
import type { Run } from './run.ts';

/** Where a model is served: the base URL of the server, its name there, and a version if one is asked for. */
export interface ServedName {
  readonly url: string;
  readonly model: string;
  readonly version?: string;
}

export interface ChosenServed {
  readonly served: ServedModel;
  /** URL of the one version that is asked. */
  readonly url: string;
}

const PATH = /^(.*)\/v1\/models\/([^/:]+)(?:\/versions\/(\d+))?(?::predict)?\/?$/;

/** Whether an argument names a served model, and not a folder or a model of the registry. */
export function isServedUrl(named: string): boolean {
  return /^https?:\/\//.test(named);
}

/**
 * A served model's URL in TensorFlow Serving's form, taken apart.
 * @throws {AppError} TEMPER_USAGE
 */
export function parseServedUrl(named: string): ServedName {
  const parsed = URL.canParse(named) ? new URL(named) : undefined;
  const parts = PATH.exec(parsed?.pathname ?? '');
  if (parsed === undefined || parts === null)
    throw new AppError(
      'TEMPER_USAGE',
      `expected a served model as http://HOST:PORT/v1/models/NAME, with /versions/N for one version, got ${named}`,
    );
  const [, base = '', model = '', version] = parts;
  return {
    url: parsed.origin + base,
    model: decodeURIComponent(model),
    ...(version === undefined ? {} : { version }),
  };
}

/**
 * Opens one version of a served model: the one that was named, or the newest that is available now, so that a promotion
 * while it is evaluated mixes no two models.
 *
 * @throws {AppError} TEMPER_TARGET_UNREACHABLE | TEMPER_TARGET_REJECTED
 */
export async function openServedModel(
  run: Run,
  { version, ...named }: ServedName,
  { inputShape, classes }: DataSlice,
): Promise<ChosenServed> {
  const [{ createServedModel }, { servedConfigSchema }, { newestAvailable }] = await Promise.all([
    import('../models/served.ts'),
    import('../models/config.ts'),
    import('../probing/replica-follower.ts'),
  ]);
  const clientOf = (pinned?: string): ServedModel =>
    createServedModel({
      config: servedConfigSchema.parse({
        ...named,
        // Somebody waits for it, and has chosen the model to be asked.
        loadGuard: { enabled: false },
        ...(pinned === undefined ? {} : { version: pinned }),
      }),
      inputShape,
      classes,
      clock: run.host.clock,
      logger: run.logger,
    });
  const { versions } = await clientOf(version).status();
  const newest = newestAvailable(versions);
  if (newest === undefined) {
    const states = versions.map((one) => `${one.version} ${one.state}`).join(', ') || 'none';
    throw new AppError(
      'TEMPER_TARGET_UNREACHABLE',
      `${named.url}: expected an available version of ${named.model}, got ${states}`,
    );
  }
  const name = encodeURIComponent(named.model);
  return { served: clientOf(newest), url: `${named.url}/v1/models/${name}/versions/${newest}` };
}
