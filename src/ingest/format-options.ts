import type { InputSpec } from './input-spec.ts';
import type { EventMapping } from './mapping.ts';

/** What decoders need to know about the model and about what is logged. */
export interface FormatOptions {
  /** Name of the model. */
  readonly model: string;
  readonly classes: number;
  readonly input: InputSpec;
  /** Rows of an event beyond this many are left out. */
  readonly maxRowsPerEvent: number;
  /** Larger bodies, packed or unpacked, are dead letters; bytes. Default 4 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Name that the model has in the log. Default: its own. Events of others are dropped. */
  readonly service?: string | undefined;
  /** Only events of this namespace. Default: all. */
  readonly namespace?: string | undefined;
  /** Only events of this component of an inference service. Default predictor. */
  readonly component?: string | undefined;
  /** Which of several tensors are meant. */
  readonly tensors?:
    { readonly input?: string | undefined; readonly output?: string | undefined } | undefined;
  /** Header that carries the event's id, in lower case. Default x-request-id. */
  readonly idHeader?: string | undefined;
  /** Where the parts of an event stand in JSON of one's own. */
  readonly mapping?: EventMapping | undefined;
}

export const DEFAULT_BODY_BYTES = 4 * 2 ** 20;
