// Fetches what the integration tests start, so that no test waits for a download: `npm run services`. What is there
// already is left as it is.
import { pythonEnvironment } from './python-environment.mjs';

const log = (line) => console.error(line);
await pythonEnvironment('mlserver', { log });
await pythonEnvironment('kserve', { log });
await pythonEnvironment('triton', { python: '/usr/bin/python3', log });
