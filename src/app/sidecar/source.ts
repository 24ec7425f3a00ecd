import type { TemperConfig } from '../../config/load.ts';
import type { Logger } from '../../domain/logger.ts';
import { createFileSource } from '../../ingest/file-source.ts';
import { createKafkaSource } from '../../ingest/kafka/kafka-source.ts';
import type { Source } from '../../ingest/source.ts';

/** The stream as the configuration names it: topics of Kafka, or files. */
export function createSource({ files, kafka, limits }: TemperConfig['stream'], logger: Logger): Source {
  if (kafka === undefined)
    return createFileSource({
      files,
      pollMs: limits.pollMs,
      maxLineBytes: limits.lineBytes,
      batchLines: limits.batchLines,
      batchBytes: limits.batchBytes,
      logger,
    });
  const { brokers, clientId, sasl, tls, ...rest } = kafka;
  return createKafkaSource({
    ...rest,
    connection: {
      brokers,
      clientId,
      sasl: sasl && { ...sasl, password: sasl.password.reveal() },
      tls: tls && { ...tls, key: tls.key?.reveal() },
    },
    batchRecords: limits.batchLines,
    logger,
  });
}
