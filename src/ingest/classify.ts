import type { DecodedEvent, EventFormat } from './event-format.ts';
import type { DeadLetterReason, DropReason, SkipReason } from './events.ts';
import type { Sampler } from './sampling.ts';
import { partitionKey } from './source.ts';
import type { RawRecord, SourcePartition } from './source.ts';

/** What becomes of one record. */
export type Classification =
  | { readonly outcome: 'skipped'; readonly reason: SkipReason }
  | { readonly outcome: 'sampled' | 'label' | 'response'; readonly event: DecodedEvent }
  | { readonly outcome: 'dropped'; readonly reason: DropReason; readonly detail: string }
  | { readonly outcome: 'dead_letter'; readonly reason: DeadLetterReason; readonly detail: string };

export type Classifier = (record: RawRecord, partition: SourcePartition) => Classification;

/** Says whether a record is Temper's own probe traffic. Runs for every record; false is the fast answer. */
export type ProbeTrafficTest = (eventId: string | undefined, record: RawRecord) => boolean;

export interface ClassifierOptions {
  readonly format: EventFormat;
  readonly sampler: Sampler;
  readonly isProbeTraffic?: ProbeTrafficTest;
}

// One object each: the unsampled path allocates nothing for its answer.
const UNSAMPLED: Classification = { outcome: 'skipped', reason: 'unsampled' };
const PROBE_TRAFFIC: Classification = { outcome: 'skipped', reason: 'probe_traffic' };

/**
 * Decides before decoding whether a record is of interest, and decodes only those. Requests, labels and responses of
 * one event share its id, so they are sampled together. Records whose id cannot be read are always decoded, because
 * only that tells what is wrong with them. Never throws.
 */
export function createClassifier(options: ClassifierOptions): Classifier {
  const { format, sampler, isProbeTraffic = () => false } = options;
  return (record, partition) => {
    if (record.damage !== undefined) return { outcome: 'dead_letter', ...record.damage };
    const identity = format.identify(record);
    const id = identity.kind === 'id' ? identity.id : undefined;
    if (isProbeTraffic(id, record)) return PROBE_TRAFFIC;
    const positionId = `${partitionKey(partition)}/${record.offset}`;
    if (identity.kind !== 'unclear' && !sampler.includes(id ?? positionId)) return UNSAMPLED;
    const result = format.decode(record, identity, positionId);
    switch (result.kind) {
      case 'drop':
        return { outcome: 'dropped', reason: result.reason, detail: result.detail };
      case 'dead_letter':
        return { outcome: 'dead_letter', reason: result.reason, detail: result.detail };
      case 'redirect':
        // Formats that were put together by createEventFormat follow it themselves.
        return {
          outcome: 'dead_letter',
          reason: 'unrecognised_event',
          detail: `record: expected this format, got what ${result.to} reads`,
        };
      case 'ok':
        return classifyDecoded(result.event, sampler);
    }
  };
}

/** The event's own id decides in the end: it may have become readable only by decoding. */
function classifyDecoded(event: DecodedEvent, sampler: Sampler): Classification {
  if (!sampler.includes(event.eventId)) return UNSAMPLED;
  if (event.rows !== undefined) return { outcome: 'sampled', event };
  return { outcome: event.labels === undefined ? 'response' : 'label', event };
}
