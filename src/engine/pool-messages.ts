/** What parent and compute worker say to each other. */
export type ToWorker =
  | { readonly kind: 'start'; readonly engine: 'tensorflow' | 'wasm' }
  | {
      readonly kind: 'task';
      readonly modulePath: string;
      readonly exportName: string;
      readonly input: unknown;
    };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly value: unknown }
  | { readonly kind: 'done'; readonly output: unknown; readonly residentBytes: number }
  | { readonly kind: 'failed'; readonly error: TransportedError; readonly residentBytes: number };

export interface TransportedError {
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly retryable: boolean;
}
