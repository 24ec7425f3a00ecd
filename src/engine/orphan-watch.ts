/** Thread of a compute worker: ends the process when its parent (whose id is the thread's data) has ended. */
import { workerData } from 'node:worker_threads';

const PERIOD_MS = 500;
const parent = workerData as number; // worker-main passes the id that fork gave it

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, PERIOD_MS);
