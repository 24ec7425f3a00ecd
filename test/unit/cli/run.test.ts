import { writeFileSync } from 'node:fs';

import type { Command } from 'commander';

import { createProgram } from '../../../src/cli/program.ts';
import { throwIfStopped } from '../../../src/cli/run.ts';
import type { CommandModule, Run, Work } from '../../../src/cli/run.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { ErrorCode } from '../../../src/domain/errors.ts';
import { memoryHost } from './host.ts';
import type { MemoryHost } from './host.ts';

interface Result {
  readonly code: number | undefined;
  readonly host: MemoryHost;
}

async function runWork(
  work: Work<{ json?: boolean; n?: string }>,
  argv: string[] = [],
  host = memoryHost(),
): Promise<Result> {
  let code: number | undefined;
  const module: CommandModule = (program, cli) => {
    program.command('work').argument('[words...]').option('--json').option('-n <n>').action(cli.action(work));
  };
  const program: Command = createProgram(host, [module], (finished) => {
    code = finished;
  });
  await program.parseAsync(['work', ...argv], { from: 'user' });
  return { code, host };
}

describe('a command', () => {
  test('gets options and arguments, and is done when it names no code', async () => {
    const seen: unknown[] = [];
    const { code } = await runWork(
      (_, options, ...args) => {
        seen.push(options.n, args);
        return Promise.resolve(undefined);
      },
      ['a', 'b', '-n', '5'],
    );
    expect(seen).toEqual(['5', ['a', 'b']]);
    expect(code).toBe(0);
  });

  test('releases what it started in reverse order, also after an error', async () => {
    const order: string[] = [];
    const { code } = await runWork((run) => {
      run.releases.defer('first', () => void order.push('first'));
      run.releases.defer('second', () => void order.push('second'));
      return Promise.reject(new AppError('TEMPER_STORE_UNREACHABLE', 'no answer'));
    });
    expect(order).toEqual(['second', 'first']);
    expect(code).toBe(3);
  });

  test('a release that fails is an error too', async () => {
    const { code, host } = await runWork((run) => {
      run.releases.defer('server', () => Promise.reject(new Error('stuck')));
      return Promise.resolve(undefined);
    });
    expect(code).toBe(1);
    expect(host.stderr.text()).toContain('stopping server failed: stuck');
  });

  test.each<[ErrorCode, number]>([
    ['TEMPER_CONFIG_INVALID', 2],
    ['TEMPER_USAGE', 2],
    ['TEMPER_MODEL_NOT_FOUND', 2],
    ['TEMPER_TARGET_UNREACHABLE', 3],
    ['TEMPER_STORE_UNREACHABLE', 3],
    ['TEMPER_GATE_REFUSED', 1],
    ['TEMPER_INTERRUPTED', 130],
  ])('%s ends with %i', async (errorCode, expected) => {
    const { code, host } = await runWork(() => Promise.reject(new AppError(errorCode, 'what was expected')));
    expect(code).toBe(expected);
    expect(host.stderr.text()).toContain('error: what was expected');
    expect(host.stderr.text()).toContain(errorCode);
    expect(host.stderr.text()).not.toMatch(/^\s+at /m);
  });

  test('an unexpected error shows its stack and asks to be reported', async () => {
    const { code, host } = await runWork(() => Promise.reject(new TypeError('x is not a function')));
    expect(code).toBe(1);
    expect(host.stderr.text()).toMatch(/unexpected error: TypeError: x is not a function\n\s+at /);
    expect(host.stderr.text()).toContain('report it');
  });

  test('what the operating system refuses is said without a stack, with advice', async () => {
    const { code, host } = await runWork(() => {
      writeFileSync('/nowhere/at/all', '');
      return Promise.resolve(undefined);
    });
    expect(code).toBe(1);
    expect(host.stderr.text()).toMatch(/^error: ENOENT.*\/nowhere\/at\/all'\n {2}Check the path\.\n$/);
  });

  test('with --json an error is JSON on standard output too', async () => {
    const { host } = await runWork(
      () => Promise.reject(new AppError('TEMPER_USAGE', 'no', { details: { a: 1 } })),
      ['--json'],
    );
    expect(JSON.parse(host.stdout.text())).toEqual({
      error: { code: 'TEMPER_USAGE', message: 'no', details: { a: 1 } },
    });
  });

  test('the first signal aborts and lets the work end in its own way', async () => {
    const host = memoryHost();
    const { code } = await runWork(
      async (run: Run) => {
        host.signals.emit('SIGTERM');
        await run.stopped;
        expect(run.signal.aborted).toBe(true);
        return undefined;
      },
      [],
      host,
    );
    expect(code).toBe(0);
    expect(host.exits).toEqual([]);
    expect(host.signals.listenerCount('SIGTERM') + host.signals.listenerCount('SIGINT')).toBe(0);
  });

  test('work that checks between steps ends as interrupted', async () => {
    const host = memoryHost();
    const { code } = await runWork(
      (run) => {
        host.signals.emit('SIGINT');
        throwIfStopped(run);
        return Promise.resolve(undefined);
      },
      [],
      host,
    );
    expect(code).toBe(130);
    expect(host.stderr.text()).toContain('Run the same command again');
  });

  test('the second signal ends the process at once', async () => {
    const host = memoryHost();
    await runWork(
      () => {
        host.signals.emit('SIGINT');
        expect(host.exits).toEqual([]);
        host.signals.emit('SIGINT');
        return Promise.resolve(undefined);
      },
      [],
      host,
    );
    expect(host.exits).toEqual([130]);
  });

  test('logs are JSON on standard error, at the level and in the format that flags choose', async () => {
    const log: Work<object> = (run) => {
      run.useLogLevel('error');
      run.logger.debug({ rows: 3 }, 'hidden');
      run.logger
        .child({ module: 'store' })
        .warn({ rows: 3, password: 'hunter2', nested: { token: 'hunter2' } }, 'batch_late');
      return Promise.resolve(undefined);
    };
    const json = await runWork(log, ['--log-level', 'info']);
    const lines = json.host.stderr.text().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'warn',
      module: 'store',
      msg: 'batch_late',
      rows: 3,
    });
    expect(lines[0]).not.toContain('hunter2');
    const text = await runWork(log, ['--log-level', 'info', '--log-format', 'text']);
    expect(text.host.stderr.text()).toMatch(/^\d\d:\d\d:\d\d warn {2}store batch_late rows=3/);
    const quiet = await runWork(log);
    expect(quiet.host.stderr.text()).toBe('');
  });
});
