// Real Prometheus, promtool and Alertmanager for the tests, into a folder that git ignores. Taken from where they are
// cheapest: from an earlier call, from PATH, from Debian's packages unpacked beside the tests (nothing is installed, no
// daemon starts), or built from their sources by Go, which takes minutes.
//
//   node scripts/services/prometheus.mjs [FOLDER]     default .cache/services/prometheus; prints the paths as JSON
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const TOOLS = ['prometheus', 'promtool', 'alertmanager'];
/** Debian calls it otherwise. */
const OTHER_NAMES = { alertmanager: ['prometheus-alertmanager'] };
const PACKAGES = ['prometheus', 'prometheus-alertmanager'];
/** Where Debian's Alertmanager looks for its templates, and nowhere else. */
const DEBIAN_TEMPLATES = '/usr/share/prometheus/alertmanager';
const MODULES = [
  'github.com/prometheus/prometheus/cmd/prometheus@v0.316.0',
  'github.com/prometheus/prometheus/cmd/promtool@v0.316.0',
  'github.com/prometheus/alertmanager/cmd/alertmanager@v0.28.1',
];

const folder = resolve(process.argv[2] ?? '.cache/services/prometheus');
const sources = [fromFolder, fromPath, fromDebian, fromGo];
let found;
const failures = [];
for (const source of sources) {
  try {
    found = source();
  } catch (caught) {
    failures.push(`${source.name}: ${caught.message}`);
  }
  if (found !== undefined) break;
}
if (found === undefined) {
  console.error(
    `Prometheus and Alertmanager are needed for the tests and could not be had.\n${failures.join('\n')}`,
  );
  process.exit(1);
}
console.log(JSON.stringify(found));

function fromFolder() {
  return pathsIn([folder]);
}

function fromPath() {
  return pathsIn((process.env.PATH ?? '').split(delimiter));
}

function fromDebian() {
  if (!isExecutable('/usr/bin/apt-get')) return undefined;
  const scratch = mkdtempSync(join(tmpdir(), 'temper-prometheus-'));
  try {
    const download = () => run('apt-get', ['download', '-q', ...PACKAGES], { cwd: scratch });
    try {
      download();
    } catch {
      run('apt-get', ['update', '-q'], {});
      download();
    }
    run('sh', ['-c', 'for package in *.deb; do dpkg -x "$package" unpacked; done'], { cwd: scratch });
    return keep(pathsIn([join(scratch, 'unpacked/usr/bin')]), join(scratch, `unpacked${DEBIAN_TEMPLATES}`));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function fromGo() {
  mkdirSync(folder, { recursive: true });
  for (const module of MODULES) {
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '-tags=remove_all_sd' };
    run('go', ['install', module], { env });
  }
  return pathsIn([folder]);
}

/**
 * Copies the tools into the folder, whole: a call that is cut short leaves nothing that looks ready. Alertmanager's
 * templates come along, and the path of theirs in the program becomes one of the same length that means the folder it is
 * started in, so that nothing has to be installed for it.
 */
function keep(paths, templates) {
  if (paths === undefined) throw new Error(`the packages have no ${TOOLS.join(', ')}`);
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  for (const tool of TOOLS) copyFileSync(paths[tool], join(partial, tool));
  cpSync(templates, partial, { recursive: true });
  const program = join(partial, 'alertmanager');
  const bytes = readFileSync(program);
  const here = Buffer.from('.'.padEnd(DEBIAN_TEMPLATES.length, '/'));
  for (let at = bytes.indexOf(DEBIAN_TEMPLATES); at >= 0; at = bytes.indexOf(DEBIAN_TEMPLATES, at + 1))
    here.copy(bytes, at);
  writeFileSync(program, bytes);
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return pathsIn([folder]);
}

/** Where each tool is in these folders; undefined unless all are there. */
function pathsIn(folders) {
  const pathOf = (tool) =>
    folders
      .flatMap((each) => [tool, ...(OTHER_NAMES[tool] ?? [])].map((name) => join(each, name)))
      .find(isExecutable);
  const paths = Object.fromEntries(TOOLS.map((tool) => [tool, pathOf(tool)]));
  return TOOLS.every((tool) => paths[tool] !== undefined) ? paths : undefined;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function run(program, args, options) {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr.slice(-500)}`);
}
