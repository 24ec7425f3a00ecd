import { totalmem } from 'node:os';

import { availableCores } from '../../engine/cores.ts';
import { bad, ok, type MachineCheck } from './finding.ts';

const GIB = 2 ** 30;
/** The demo peaks a little above 2 GiB in all its processes. */
const LEAST_MEMORY_GIB = 4;

/** What this machine offers: Node.js, cores, memory. */
export const checkMachine: MachineCheck = (run) => {
  const memory = totalmem() / GIB;
  const finding = `Node.js ${run.host.node.version}, ${availableCores()} cores, ${memory.toFixed(1)} GiB memory`;
  if (memory >= LEAST_MEMORY_GIB) return Promise.resolve([ok('machine', finding)]);
  const fix = `${LEAST_MEMORY_GIB} GiB or more are better: a sidecar with its compute processes and an embedded store need about 2`;
  return Promise.resolve([bad('machine', 'warn', { finding, fix })]);
};
