/** Writes each network with the compiled exporter into the folder that is named: the first step of make_onnx.py. */
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { tf } = require('../../../dist/src/engine/tf.js');
const { startBackend } = require('../../../dist/src/engine/backend.js');
const { onnxOf } = require('../../../dist/src/models/exporters/onnx.js');
const { artifactOf, networks } = require('./networks.cjs');

(async () => {
  const [, , folder] = process.argv;
  mkdirSync(folder, { recursive: true });
  await startBackend('wasm');
  for (const [name, model] of Object.entries(networks(tf)))
    writeFileSync(join(folder, `${name}.onnx`), await onnxOf(artifactOf(model)));
})();
