import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Running } from '../../src/domain/lifecycle.ts';

export const MODEL_SERVERS = ['mlserver', 'kserve', 'triton'] as const;
export type ModelServerKind = (typeof MODEL_SERVERS)[number];

export interface RealModelServer {
  readonly kind: ModelServerKind;
  /** Base URLs. */
  readonly rest: string;
  readonly grpc: string;
}

/** Starts a real model server with an ONNX file; on first use it is installed, which takes up to a minute. */
export async function startRealModelServer(
  kind: ModelServerKind,
  file: string,
): Promise<Running<RealModelServer>> {
  const child = spawn(process.execPath, ['scripts/services/model-server.mjs', kind, file], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = once(child, 'close');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done === true) throw new Error(`${kind} did not start: ${complaints}`);
  return {
    value: JSON.parse(first.value) as RealModelServer, // written by our own script
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
