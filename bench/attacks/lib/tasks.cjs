'use strict';
/** What compute workers do for the benchmark. Plain data in and out; time and CPU are those of the worker. */
const dist = '../../../dist/src';
const { attackBatch } = require(`${dist}/evaluation/attack-batch.js`);
const { replicaOf } = require(`${dist}/models/replica.js`);

/** One recipe on one batch. */
exports.runTimedAttack = async ({ model, ...attack }) => {
  const target = await replicaOf(model);
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  const found = await attackBatch({ ...attack, target });
  return { ...measured(started, cpu), found, gradientPath: target.gradientPath };
};

/**
 * The recipes of a suite one after another, each on what those before left standing, as an evaluation runs them.
 * `brokenBy` is −1 for survivors, 0 for what is misread unchanged, else the number of the recipe from 1.
 */
exports.runSuiteShard = async ({ model, recipes, inputs, labels, ids, threat, seed }) => {
  const target = await replicaOf(model);
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  const features = inputs.length / labels.length;
  const brokenBy = new Int32Array(labels.length).fill(-1);
  const adversarial = inputs.slice();
  let [forwards, gradients] = [0, 0];
  for (const [number, recipe] of recipes.entries()) {
    const rows = Array.from(brokenBy.keys()).filter((row) => brokenBy[row] === -1);
    if (rows.length === 0) break;
    const { success, distance, ...found } = await attackBatch({
      target,
      recipe,
      threat,
      seed,
      inputs: gather(inputs, rows, features),
      labels: Int32Array.from(rows, (row) => labels[row]),
      ids: rows.map((row) => ids[row]),
      stopsAtFirstSuccess: true,
    });
    rows.forEach((row, i) => {
      forwards += found.forwardQueries[i];
      gradients += found.gradientQueries[i];
      if (success[i] === 0) return;
      brokenBy[row] = distance[i] === 0 ? 0 : number + 1;
      adversarial.set(found.adversarial.subarray(i * features, (i + 1) * features), row * features);
    });
  }
  return { ...measured(started, cpu), brokenBy, adversarial, forwards, gradients };
};

/** As many gradients of cross-entropy as an attack asks for, and nothing else. */
exports.runBareGradients = async ({ model, inputs, labels, gradients, forwards }) => {
  const { crossEntropy } = require(`${dist}/attacks/losses/cross-entropy.js`);
  const target = await replicaOf(model);
  const rows = Int32Array.from(labels.keys());
  const batch = { inputs, count: rows.length, rows };
  const loss = crossEntropy({ classes: target.classes, labels });
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  for (let step = 0; step < gradients; step++) await target.gradient(batch, loss);
  for (let step = 0; step < forwards; step++) await target.scores(batch);
  return measured(started, cpu);
};

function measured(started, cpu) {
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function gather(values, rows, features) {
  const found = new Float32Array(rows.length * features);
  rows.forEach((row, i) => found.set(values.subarray(row * features, (row + 1) * features), i * features));
  return found;
}
