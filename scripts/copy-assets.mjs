// Copies what the compiler does not: SQL migrations, pages, recipes. They are read beside the code that uses them.
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ASSETS = /\.(sql|html|css|svg|ya?ml|proto)$/;
function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (ASSETS.test(entry.name)) yield path;
  }
}
for (const root of ['src', 'pipelines']) {
  for (const path of walk(root)) {
    mkdirSync(join('dist', dirname(path)), { recursive: true });
    cpSync(path, join('dist', path));
  }
}
