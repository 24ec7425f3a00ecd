import type { OipDatatype } from '../../protocols/oip-bytes.ts';
import type { Tensor } from '../../protocols/tensor.ts';
import type { VersionStatus } from '../../protocols/tf-serving-status.ts';
import type { Exchange } from '../served-exchange.ts';

/** A tensor that a served model takes or gives, as its server reports it. */
export interface ServedPort {
  readonly name: string;
  /** In the words of the protocol: `DT_FLOAT`, `FP32`. */
  readonly datatype: string;
  /** With the batch side; −1 for a free side; undefined when the rank is unknown. */
  readonly shape: readonly number[] | undefined;
}

/** What a server reports of a model. */
export interface ServedDescription {
  readonly name: string;
  /** Versions that it names; empty when it names none. */
  readonly versions: readonly string[];
  readonly inputs: readonly ServedPort[];
  readonly outputs: readonly ServedPort[];
  /** Rows that a request may have at most, where the server says so. */
  readonly maxBatch?: number;
}

/** What is asked about, apart from the inputs: where the tag goes is the protocol's business. */
export interface WireQuestion {
  /** Shape [rows, features]. */
  readonly inputs: Float32Array;
  readonly rows: number;
  readonly signal?: AbortSignal | undefined;
  /** Marks the request as a probe: header, id and parameter, whatever the protocol has. */
  readonly tag: () => string | undefined;
}

export interface WireAnswer {
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** The version that answered; undefined when the server does not say. */
  readonly version: string | undefined;
}

/** What one protocol knows: how to ask, and how to read. Whether to ask, and how often, is decided by `run`. */
export interface Wire {
  /** Where predictions are asked, for messages. */
  readonly url: string;
  status(): Promise<readonly VersionStatus[]>;
  describe(): Promise<ServedDescription>;
  predict(question: WireQuestion): Promise<WireAnswer>;
  /** What is known of the model's input without asking for predictions: from metadata, once; or what the protocol leaves no doubt of. */
  input(): Promise<WireInput>;
  close(): void;
}

export interface WireInput {
  /** How the server takes the values: what is lost on the way is decided by this. */
  readonly datatype: OipDatatype;
  readonly maxBatch?: number;
}

/** Runs an exchange within time limit, rate, breaker and guard. */
export type RunExchange = <T>(request: Pick<Exchange<T>, 'url' | 'rows' | 'signal' | 'send'>) => Promise<T>;
