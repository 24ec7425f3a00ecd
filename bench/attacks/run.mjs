/**
 * Proofs and benchmarks of the attacks against the Python peers, on shared weights. Needs `npm run build`; sets up a Python
 * environment of its own (about 7 GB, in a folder that git ignores).
 *
 *   node bench/attacks/run.mjs [setup] [models] [verdict] [min-norm] [decisions] [speed] [--images N] [--models a,b]
 *        [--norms linf,l2] [--attacks a,b] [--repeats N] [--engines tensorflow]
 *
 * Without a name all of them. Results with the machine go to bench/attacks/results; what takes long goes on where it was
 * when it is started again. TEMPER_ENGINE chooses our engine.
 */
import { parseArgs } from 'node:util';
import { prepareModels } from './lib/models.mjs';
import { setupPeers, startPeers } from './lib/peers.mjs';
import { runDecisions, runMinimumNorm } from './distances.mjs';
import { runSpeed } from './speed.mjs';
import { runVerdict } from './verdict.mjs';

const list = { type: 'string' };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: list,
    models: list,
    norms: list,
    attacks: list,
    repeats: list,
    suite: list,
    threads: list,
    engines: list,
  },
});
const split = (text) => text?.split(',');
const given = {
  models: split(values.models),
  norms: split(values.norms),
  attacks: split(values.attacks),
  suite: values.suite,
};
const images = (standard) => Number(values.images ?? standard);

const PARTS = {
  setup: () => setupPeers(),
  models: async () => console.log(await prepareModels()),
  verdict: (peers) => runVerdict(peers(), { ...given, images: images(1000) }),
  'min-norm': (peers) => runMinimumNorm(peers(), { ...given, images: images(100) }),
  decisions: (peers) => runDecisions(peers(), { ...given, images: images(50) }),
  speed: (peers) =>
    runSpeed(peers(), { ...given, repeats: Number(values.repeats ?? 5), engines: split(values.engines) }),
};

const unknown = positionals.filter((name) => !(name in PARTS));
if (unknown.length > 0)
  throw new Error(`expected ${Object.keys(PARTS).join(', ')}, got ${unknown.join(', ')}`);
let started;
const peers = () => {
  setupPeers();
  return (started ??= startPeers({ threads: values.threads }));
};
try {
  for (const [name, part] of Object.entries(PARTS))
    if (positionals.length === 0 || positionals.includes(name)) await part(peers);
} finally {
  started?.stop();
}
