/** Entry of the store process: `node main.js DIRECTORY IDLE_SECONDS`. Started by open.ts. */
import { AppError, toError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/logger.ts';
import { EXIT_HELD } from './exit-codes.ts';
import { runStoreProcess } from './run-store.ts';

async function main([directory, idleSeconds]: readonly string[]): Promise<void> {
  let ending: Promise<void> | undefined;
  const store = await runStoreProcess({
    directory: directory!,
    idleSeconds: Number(idleSeconds),
    logger: lineLogger,
    onIdle: () => end('idle'),
  });
  const end = (reason: string): void => {
    if (ending !== undefined) return;
    lineLogger.info({ reason }, 'store_stopping');
    ending = store.stop().finally(() => process.exit(0)); // whatever happens while stopping, the process ends
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
}

const write = (level: string, fields: object, message: string): void => {
  process.stderr.write(`${JSON.stringify({ level, time: new Date().toISOString(), message, ...fields })}\n`);
};
const lineLogger: Logger = {
  debug: () => undefined,
  info: (fields, message) => write('info', fields, message),
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
  child: () => lineLogger,
};

if (require.main === module) {
  main(process.argv.slice(2)).catch((caught: unknown) => {
    const isHeld = caught instanceof AppError && caught.retryable;
    if (isHeld) lineLogger.info({ reason: caught.message }, 'store_not_needed');
    else lineLogger.error({ err: toError(caught).message }, 'store_failed');
    process.exit(isHeld ? EXIT_HELD : 1);
  });
}
