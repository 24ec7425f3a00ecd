import { sep } from 'node:path';

/**
 * Path of the compiled file of a source file, for child processes, which run plain JavaScript. A test runner that
 * transforms in memory reports paths of sources (`…/src/x.ts`); their compiled files lie in `dist` (`…/dist/src/x.js`).
 */
export function compiledPath(path: string): string {
  if (!path.endsWith('.ts')) return path;
  const root = path.lastIndexOf(`${sep}src${sep}`);
  const from = root >= 0 ? root : path.lastIndexOf(`${sep}pipelines${sep}`);
  return `${path.slice(0, from)}${sep}dist${path.slice(from, -'.ts'.length)}.js`;
}
