import { hardenConfigSchema } from '../../pipelines/harden/config.ts';
import { attacksConfigSchema } from '../attacks/config.ts';
import { httpConfigSchema } from '../http/config.ts';
import { streamConfigSchema } from '../ingest/config.ts';
import { registryConfigSchema, servedConfigSchema } from '../models/config.ts';
import { monitoringConfigSchema } from '../monitoring/config.ts';
import { probingConfigSchema } from '../probing/config.ts';
import { storeConfigSchema } from '../store/config.ts';
import {
  adversaryFitsModel,
  epsilonWithinRange,
  logSchema,
  modelSchema,
  seedSchema,
  splitsAreDisjoint,
  threatModelSchema,
} from './base.ts';
import type { SectionSet } from './load-sections.ts';

/** Every top-level key of temper.yaml, in the order in which the example shows them. */
const SECTIONS = {
  model: modelSchema,
  threatModel: threatModelSchema,
  stream: streamConfigSchema,
  served: servedConfigSchema,
  attacks: attacksConfigSchema.prefault({}),
  probing: probingConfigSchema.prefault({}),
  monitoring: monitoringConfigSchema.prefault({}),
  store: storeConfigSchema.prefault({}),
  registry: registryConfigSchema.prefault({}),
  harden: hardenConfigSchema.prefault({}),
  http: httpConfigSchema.prefault({}),
  log: logSchema,
  seed: seedSchema,
};

/** Values for keys that have no default. */
const EXAMPLES = {
  'store.url': 'http://clickhouse:8123',
  'store.password': { env: 'CLICKHOUSE_PASSWORD' },
  'served.url': 'http://localhost:8501',
  'served.model': 'digits',
  'served.version': '3',
  'served.replica': 'https://models.example.com/digits/model.json',
  'served.signature': 'serving_default',
  'served.input': 'image',
  'served.output': 'logits',
  'served.bearerToken': { env: 'SERVED_TOKEN' },
  'served.tls.ca': 'ca.pem',
  'served.tls.certificate': 'client.pem',
  'served.tls.key': 'client-key.pem',
  'served.loadGuard.latencyMs': 200,
  'monitoring.links.dashboard': 'https://grafana.example.com/d/temper',
  'monitoring.links.runbook': 'https://example.com/runbook',
  'monitoring.links.status': 'https://temper.example.com',
  'http.token': { env: 'TEMPER_HTTP_TOKEN' },
  'harden.data.trainRows': 20000,
  'harden.data.gateRows': 500,
  'harden.data.baselineRows': 500,
  'harden.training.rows': 20000,
  'harden.trigger.schedule': '0 3 * * 0',
  'harden.workers': 4,
  'probing.workers': 2,
  'probing.killSwitch': 'stop-probing',
  'attacks.feed.directory': 'feed',
};

/** The whole file: sections, and what holds between them. */
export const SECTION_SET = {
  sections: SECTIONS,
  rules: [epsilonWithinRange, adversaryFitsModel, splitsAreDisjoint],
  marks: {
    'served.headers.*': 'maybe-secret',
    'served.bearerToken': 'maybe-secret',
    'served.tls.ca': 'path',
    'served.tls.certificate': 'path',
    'served.tls.key': 'path',
    'registry.directory': 'path',
    'probing.killSwitch': 'path',
    'harden.directory': 'path',
  },
  examples: EXAMPLES,
  derived: { 'served.model': 'model.name' },
} as const satisfies SectionSet<typeof SECTIONS>;
