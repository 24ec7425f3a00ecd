// Fetches what the integration tests start, so that no test waits for a download: `npm run services`. What is there
// already is left as it is.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fetchKafka } from './kafka.mjs';
import { pythonEnvironment } from './python-environment.mjs';

const log = (line) => console.error(line);
await pythonEnvironment('mlserver', { log });
await pythonEnvironment('kserve', { log });
await pythonEnvironment('triton', { python: '/usr/bin/python3', log });
fetchKafka();

for (const name of ['prometheus']) {
  const script = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exitCode = 1;
}
