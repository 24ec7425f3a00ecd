import type { TemperConfig } from '../../config/load.ts';
import { AppError } from '../../domain/errors.ts';
import { featureCount } from '../../domain/target.ts';
import type { ServedModel } from '../../models/served.ts';
import { bad, ok } from './finding.ts';
import type { Check, Finding, State } from './finding.ts';

/** The served model answers, is available, has the shape that the configuration says, and predicts. */
export const checkServed: Check = async (config, run) => {
  const { createServedModel } = await import('../../models/served.ts');
  const { model } = config;
  const served = createServedModel({
    config: { ...config.served, retries: 0, timeoutMs: Math.min(config.served.timeoutMs, 5000) },
    inputShape: model.inputShape,
    classes: model.classes,
    clock: run.host.clock,
    logger: run.logger,
  });
  const found = await statusFinding(served);
  if (found.state !== 'ok') return [found];
  return [found, await shapeFinding(served, config), await predictionFinding(served, config)];
};

async function statusFinding(served: ServedModel): Promise<Finding> {
  return attempt('served model', async () => {
    const { versions } = await served.status();
    const available = versions.filter(({ state }) => state === 'AVAILABLE').map(({ version }) => version);
    if (available.length > 0) return ok('served model', `version ${available.join(', ')} is available`);
    const states = versions.map(({ version, state }) => `${version} ${state}`).join(', ') || 'no version';
    return bad('served model', 'fail', {
      finding: `none is available (${states})`,
      fix: 'look into the log of the model server',
    });
  });
}

/** What the server says of its input; servers that do not say are judged by the prediction alone. */
async function shapeFinding(served: ServedModel, { model }: TemperConfig): Promise<Finding> {
  return attempt('served shape', async () => {
    const { inputs } = await served.describe();
    const shapes = inputs.flatMap(({ shape }) => (shape ? [shape] : []));
    const expected = `[${model.inputShape.join(', ')}]`;
    if (shapes.length === 0)
      return bad('served shape', 'warn', {
        finding: 'the server does not say',
        fix: 'the prediction below decides',
      });
    const agrees = shapes.some(
      (shape) =>
        shape.slice(1).every((side, i) => side === -1 || side === model.inputShape[i]) &&
        shape.length === model.inputShape.length + 1,
    );
    if (agrees) return ok('served shape', `${expected}, as model.inputShape says`);
    const said = shapes.map((shape) => `[${shape.slice(1).join(', ')}]`).join(' or ');
    return bad('served shape', 'fail', {
      finding: `the server takes ${said}, the configuration says ${expected}`,
      fix: 'mend model.inputShape, served.input or served.signature',
    });
  });
}

/** One input in the middle of the range: the only query that the doctor sends. */
async function predictionFinding(served: ServedModel, { model }: TemperConfig): Promise<Finding> {
  return attempt('prediction', async () => {
    const [low, high] = model.range;
    const input = new Float32Array(featureCount(model.inputShape)).fill((low + high) / 2);
    const { version } = await served.answer(input, 1);
    return ok(
      'prediction',
      `${model.classes} scores${version === undefined ? '' : ` from version ${version}`}`,
    );
  });
}

async function attempt(subject: string, work: () => Promise<Finding>): Promise<Finding> {
  try {
    return await work();
  } catch (caught) {
    if (!(caught instanceof AppError)) throw caught;
    const isAway =
      caught.code === 'TEMPER_TARGET_UNREACHABLE' || caught.code === 'TEMPER_TARGET_CIRCUIT_OPEN';
    const state: State = isAway ? 'unreachable' : 'fail';
    const fix = isAway
      ? 'start the model server, or mend served.url'
      : 'mend served.model, served.output or model.classes';
    return bad(subject, state, { finding: caught.message, fix });
  }
}
