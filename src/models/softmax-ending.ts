/** A topology whose last layer gives logits, and whether a softmax was taken off to get there. */
export interface LogitTopology {
  readonly topology: object;
  readonly hadSoftmax: boolean;
}

interface LayerJson {
  readonly class_name?: unknown;
  readonly config?: Readonly<Record<string, unknown>>;
}

/**
 * Takes a final softmax off a tfjs layers topology (sequential, or a functional model with one output), because attacks
 * on probabilities meet gradients that underflow to zero. A model that ends otherwise comes back as it is.
 */
export function withoutSoftmax(topology: object): LogitTopology {
  const copy = JSON.parse(JSON.stringify(topology)) as Record<string, unknown>;
  const last = lastLayer(copy);
  const config = last?.config as Record<string, unknown> | undefined;
  if (last === undefined || config === undefined) return { topology, hadSoftmax: false };
  if (last.class_name === 'Softmax') {
    (last as { class_name: unknown }).class_name = 'Activation';
    delete config['axis'];
  } else if (config['activation'] !== 'softmax') {
    return { topology, hadSoftmax: false };
  }
  config['activation'] = 'linear';
  return { topology: copy, hadSoftmax: true };
}

/** The layer that makes the output; undefined when the JSON does not look like a model with one output. */
function lastLayer(topology: Record<string, unknown>): LayerJson | undefined {
  const model = (topology['model_config'] ?? topology) as { config?: unknown };
  if (Array.isArray(model.config)) return model.config.at(-1) as LayerJson | undefined;
  const config = model.config as { layers?: unknown; output_layers?: unknown } | undefined;
  if (!Array.isArray(config?.layers)) return undefined;
  const layers = config.layers as (LayerJson & { name?: unknown })[];
  if (!Array.isArray(config.output_layers)) return layers.at(-1);
  const outputs = config.output_layers as unknown[][];
  if (outputs.length !== 1) return undefined;
  return layers.find((layer) => (layer.name ?? layer.config?.['name']) === outputs[0]![0]);
}
