/**
 * Completes package-lock.json for the platforms it was not made on.
 *
 * Packages with compiled parts list one optional package per platform. npm writes only those into the
 * lock file whose metadata it could read on the day, and newer versions of `npm ci` then refuse the
 * file as incomplete, on every platform. The missing entries follow from the packages' own pins and
 * names (`core-linux-arm64-musl` runs on linux, arm64, musl), so they are written here, without an
 * integrity hash: npm skips those of other platforms and fetches its own by its exact version.
 *
 * Run after every change of dependencies: `npm run lock`.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const CPUS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];
const LIBCS = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

const LOCK = 'package-lock.json';
const lock = JSON.parse(readFileSync(LOCK, 'utf8'));
const present = new Set(Object.keys(lock.packages).map((path) => path.split('node_modules/').pop()));
const missing = Object.values(lock.packages).flatMap((entry) =>
  Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => !present.has(name))
    .map(([name, version]) => ({ name, version, dev: entry.dev })),
);
for (const each of missing) lock.packages[`node_modules/${each.name}`] = platformEntry(each);
const paths = Object.keys(lock.packages).sort((a, b) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries(paths.map((path) => [path, lock.packages[path]]));
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${LOCK}: ${missing.length} platform packages added`);

/** The lock file's entry of one platform package, from its name and pinned version. */
function platformEntry({ name, version, dev }) {
  const parts = name.split(/[/-]/);
  const os = SYSTEMS.find((each) => parts.includes(each));
  const cpu = CPUS.find((each) => parts.includes(each));
  if (!/^\d+\.\d+\.\d+/.test(version) || os === undefined || cpu === undefined) {
    throw new Error(
      `${name}@${version}: expected an exact version and a name with system and processor; add it to ${LOCK} by hand.`,
    );
  }
  const libc = LIBCS[parts.at(-1)];
  return {
    version,
    cpu: [cpu],
    ...(dev === true && { dev }),
    ...(os === 'linux' && libc !== undefined && { libc: [libc] }),
    optional: true,
    os: [os],
  };
}
