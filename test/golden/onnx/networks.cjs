/**
 * Small networks that use every layer and option with an ONNX form, and one with a softmax at its end. Weights are whole
 * multiples of 1/64, so that they are the same on every machine.
 */
const image = { inputShape: [9, 8, 3] };

/** @param tf the tfjs namespace; needs no backend for anything but its own checks */
exports.networks = (tf) => {
  const { layers } = tf;
  const sequential = (...parts) => tf.sequential({ layers: parts });
  const ending = () => [layers.flatten(), layers.dense({ units: 4 })];
  return {
    dense: sequential(
      layers.dense({ inputShape: [7], units: 6, activation: 'tanh' }),
      layers.dense({ units: 5, activation: 'sigmoid', useBias: false }),
      layers.dense({ units: 3 }),
    ),
    'strided convolutions': sequential(
      layers.conv2d({
        ...image,
        filters: 4,
        kernelSize: 5,
        strides: 2,
        padding: 'same',
        activation: 'relu',
      }),
      layers.conv2d({ filters: 5, kernelSize: [3, 2], strides: [2, 1], activation: 'relu' }),
      ...ending(),
    ),
    pools: sequential(
      layers.conv2d({ ...image, filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2, padding: 'same' }),
      layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
      ...ending(),
    ),
    'normalised and padded': sequential(
      layers.zeroPadding2d({ ...image, padding: [[1, 2], [0, 3]] }), // prettier-ignore
      layers.conv2d({ filters: 4, kernelSize: 3, useBias: false }),
      layers.batchNormalization({}),
      layers.activation({ activation: 'relu' }),
      layers.dropout({ rate: 0.5 }),
      layers.reshape({ targetShape: [10 * 9 * 4] }),
      layers.dense({ units: 4 }),
    ),
    'a sum of branches': residual(tf),
    'a softmax at the end': sequential(
      layers.dense({ inputShape: [6], units: 5, activation: 'relu' }),
      layers.dense({ units: 4, activation: 'softmax' }),
    ),
  };
};

function residual({ input, layers, model }) {
  const inputs = input({ shape: [8, 8, 4] });
  const scaled = layers.batchNormalization({}).apply(inputs);
  const inner = layers
    .conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' })
    .apply(scaled);
  const sum = layers.add().apply([inputs, inner]);
  const pooled = layers.globalAveragePooling2d({}).apply(sum);
  return model({ inputs, outputs: layers.dense({ units: 3 }).apply(pooled) });
}

/** The model as an artifact, with weights of a fixed pattern; variances are positive. */
exports.artifactOf = (model) => {
  const weightSpecs = model.weights.map(({ originalName, shape }) => ({ name: originalName, shape }));
  const sizes = weightSpecs.map(({ shape }) => shape.reduce((product, side) => product * side, 1));
  const values = sizes.flatMap((size, w) =>
    Array.from({ length: size }, (_, i) => {
      const value = (((i + 1) * 37 + w * 11) % 65) - 32;
      return (weightSpecs[w].name.includes('variance') ? Math.abs(value) + 16 : value) / 64;
    }),
  );
  const topology = JSON.parse(JSON.stringify(model.toJSON(null, false)));
  return { topology, weightSpecs, weights: Float32Array.from(values) };
};
