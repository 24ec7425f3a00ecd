import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaConfig, LogEntry, SASLOptions } from 'kafkajs';
import type { Logger } from '../../domain/logger.ts';
import { registerCodecs } from './codecs.ts';
import { calmIdleConnections } from './idle-patch.ts';

/** How the brokers are reached; secrets as they are. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  readonly tls?:
    | {
        readonly caFile?: string | undefined;
        readonly certificateFile?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
}

/** A kafkajs client that reads every codec, is calm when idle and logs where everything else does. */
export function createKafkaClient(connection: KafkaConnection, logger: Logger): Kafka {
  registerCodecs();
  calmIdleConnections();
  const { brokers, clientId, sasl, tls } = connection;
  const own = logger.child({ module: 'kafkajs' });
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => logEntry(own, entry),
    ...(tls === undefined ? {} : { ssl: tlsOptions(tls) }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }), // the union of kafkajs is by literal mechanism
  };
  return new Kafka(config);
}

function tlsOptions({
  caFile,
  certificateFile,
  key,
}: NonNullable<KafkaConnection['tls']>): ConnectionOptions {
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certificateFile === undefined ? {} : { cert: readFileSync(certificateFile) }),
    ...(key === undefined ? {} : { key }),
  };
}

/** What kafkajs says about itself is a warning at most: what ends the source is an error of the source. */
function logEntry(logger: Logger, { namespace, log: { message, error, groupId } }: LogEntry): void {
  const fields: Record<string, unknown> = { namespace, message };
  if (error !== undefined) fields['error'] = error as unknown;
  if (groupId !== undefined) fields['groupId'] = groupId as unknown;
  logger.warn(fields, 'kafka_client');
}
