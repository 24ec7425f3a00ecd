// Runs every step of .ci/budget.json in order, goes on after a failure, and counts: a jest suite by its tests, any other
// step as one. A step over its budget is killed and has failed. Exit code 1 if anything failed.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const budget = JSON.parse(readFileSync('.ci/budget.json', 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'temper-ci-'));
const jest = (project, ...extra) => ({ jest: project, args: ['--selectProjects', project, ...extra] });
/** What computes on an engine: these tests run on WebAssembly with the others, and once more on the native engine. */
const NUMERIC_TESTS = [
  'unit/attacks',
  'unit/evaluation',
  'unit/training',
  'unit/models',
  'golden',
  'engine-native',
];

const steps = {
  install: { command: ['npm', 'ci'] },
  format: { command: ['npm', 'run', '--silent', 'format:check'] },
  lint: { command: ['npm', 'run', '--silent', 'lint'] },
  typecheck: { command: ['npm', 'run', '--silent', 'typecheck'] },
  unit: jest('unit'),
  integration: jest('integration', '--runInBand'),
  services: { command: ['npm', 'run', '--silent', 'services'] },
  'services-tests': jest('services', '--runInBand'),
  calibration: { ...jest('calibration'), env: { TEMPER_CALIBRATION_SCALE: '0.4' } },
  chaos: jest('chaos', '--runInBand'),
  e2e: jest('e2e', '--runInBand'),
  native: { command: ['npm', 'run', '--silent', 'native'] },
  'native-tests': {
    jest: 'native-tests',
    args: ['--selectProjects', 'unit', 'integration', '--', ...NUMERIC_TESTS],
    env: { TEMPER_ENGINE: 'tensorflow' },
  },
};

const sum = Object.values(budget).reduce((total, seconds) => total + seconds, 0);
if (sum > 3600) throw new Error(`.ci/budget.json promises ${sum} s, but all suites together have 3600 s`);

let passed = 0;
let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  const seconds = budget[name];
  if (seconds === undefined) throw new Error(`.ci/budget.json gives no seconds for the step ${name}`);
  const startedAt = process.hrtime.bigint();
  const result = await runStep(name, step, seconds);
  const took = Number(process.hrtime.bigint() - startedAt) / 1e9;
  passed += result.passed;
  failed += result.failed;
  const verdict = result.failed === 0 ? 'ok' : 'FAILED';
  console.log(
    `[ci] ${name}: ${verdict}, ${result.passed} passed, ${result.failed} failed, ${took.toFixed(0)} of ${seconds} s`,
  );
  if (name === 'install' && result.failed > 0) break;
}
rmSync(scratch, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function runStep(name, step, seconds) {
  const report = join(scratch, `${name}.json`);
  const command = step.jest
    ? ['npx', 'jest', '--json', `--outputFile=${report}`, '--silent', ...step.args]
    : step.command;
  const code = await run(command, { ...process.env, ...step.env }, seconds, step.jest !== undefined);
  if (!step.jest) return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  return countTests(report, code);
}

function countTests(report, code) {
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numTotalTests } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    const broken = numFailedTests + numRuntimeErrorTestSuites;
    // A suite that ran nothing, or that failed without a failed test, has failed.
    return {
      passed: numPassedTests,
      failed: numTotalTests === 0 || (code !== 0 && broken === 0) ? broken + 1 : broken,
    };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** Resolves to the exit code; a command over its time is killed with everything it started. */
function run([program, ...args], env, seconds, quiet) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
      detached: true,
    });
    const timer = setTimeout(() => {
      console.log(`[ci] over its ${seconds} s: killed`);
      process.kill(-child.pid, 'SIGKILL');
    }, 1000 * seconds);
    child.on('error', () => resolve(127));
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(signal === null ? code : 128);
    });
  });
}
