/** Writes dashboards, alert rules, their tests and the runbook: into this folder, or elsewhere for another installation. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_PLACES } from './alerts/render.ts';
import { generatedFiles } from './generated.ts';

function main(argv: readonly string[]): void {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      out: { type: 'string', default: 'dashboards' },
      runbook: { type: 'string', default: DEFAULT_PLACES.runbook },
      grafana: { type: 'string', default: DEFAULT_PLACES.grafana },
      job: { type: 'string', default: DEFAULT_PLACES.job },
    },
  });
  const { out, runbook, grafana, job } = values;
  for (const [name, content] of Object.entries(generatedFiles({ runbook, grafana, job }))) {
    const path = resolve(join(out, name));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    process.stdout.write(`${path}\n`);
  }
}

if (require.main === module) main(process.argv.slice(2));
