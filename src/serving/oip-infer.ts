/** An infer request of the Open Inference Protocol, answered with one version. Words and statuses are those of Triton 2.51, asked. */
import type { OipAnswer, OipRequest, OipTensor } from '../protocols/oip.ts';
import type { OipModelMetadata, OipServerMetadata } from '../protocols/oip-status.ts';
import { computeScores, INPUT_NAME } from './predict.ts';
import type { Scorer } from './scorer.ts';
import type { Lease, ServedVersions } from './versions.ts';

export interface OipFailure {
  /** HTTP status. */
  readonly status: 400 | 404 | 500;
  readonly message: string;
}

export type OipResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: OipFailure };

export const OIP_SERVER: OipServerMetadata = {
  name: 'temper',
  version: '1',
  extensions: ['binary_tensor_data', 'model_configuration'],
};

export function failed(status: OipFailure['status'], message: string): OipResult<never> {
  return { ok: false, failure: { status, message } };
}

export interface WantedModel {
  readonly name: string;
  /** Absent: whichever serves. */
  readonly version: string | undefined;
}

export interface ServedModelVersions {
  readonly model: string;
  readonly versions: ServedVersions;
}

/** Takes a lease on the wanted version, and gives it back when the work is done. */
export async function withLease<T>(
  { name, version }: WantedModel,
  { model, versions }: ServedModelVersions,
  work: (lease: Lease) => Promise<OipResult<T>> | OipResult<T>,
): Promise<OipResult<T>> {
  const lease = name === model ? versions.lease(version) : undefined;
  if (lease === undefined) {
    const which = version === undefined ? '' : ` version ${version}`;
    return failed(404, `Request for unknown model: '${name}'${which} is not found`);
  }
  try {
    return await work(lease);
  } finally {
    lease.release();
  }
}

export function metadataOf(name: string, { version, scorer }: Lease): OipModelMetadata {
  const { inputShape, classes, output } = scorer;
  return {
    name,
    versions: [version],
    platform: 'temper',
    inputs: [{ name: INPUT_NAME, datatype: 'FP32', shape: [-1, ...inputShape] }],
    outputs: [{ name: output, datatype: 'FP32', shape: [-1, classes] }],
  };
}

export async function infer(
  request: OipRequest,
  model: string,
  { version, scorer }: Lease,
): Promise<OipResult<OipAnswer>> {
  const wrong = mismatch(request, model, scorer);
  if (wrong !== undefined) return failed(400, wrong);
  const [{ shape, data }] = request.inputs as readonly [OipTensor];
  const count = shape[0]!;
  // Of the datatype FP32, so these are numbers.
  const inputs = Float32Array.from(data.values as Float32Array);
  const values = await computeScores(inputs, count, scorer);
  return {
    ok: true,
    value: {
      ...(request.id === undefined ? {} : { id: request.id }),
      modelName: model,
      modelVersion: version,
      outputs: [
        {
          name: scorer.output,
          datatype: 'FP32',
          shape: [count, scorer.classes],
          data: { kind: 'number', values },
        },
      ],
    },
  };
}

function mismatch(
  { id, inputs, outputs = [] }: OipRequest,
  model: string,
  scorer: Scorer,
): string | undefined {
  const request = `[request id: ${id ?? '<id_unknown>'}] `;
  const [tensor, ...others] = inputs;
  if (tensor === undefined || others.length > 0)
    return `${request}expected 1 inputs but got ${inputs.length} inputs for model '${model}'`;
  if (tensor.name !== INPUT_NAME) return `unexpected inference input '${tensor.name}' for model '${model}'`;
  const unknown = outputs.find((name) => name !== scorer.output);
  if (unknown !== undefined) return `unexpected inference output '${unknown}' for model '${model}'`;
  if (tensor.datatype !== 'FP32')
    return `${request}inference input '${INPUT_NAME}' data-type is '${tensor.datatype}', but model '${model}' expects 'FP32'`;
  const [count, ...shape] = tensor.shape;
  if (count !== undefined && count > 0 && shape.join() === scorer.inputShape.join()) return undefined;
  return `${request}unexpected shape for input '${INPUT_NAME}' for model '${model}'. Expected [-1,${scorer.inputShape.join(',')}], got [${tensor.shape.join(',')}].`;
}
