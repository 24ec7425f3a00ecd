/** How a secret is written in the file: where to find it, never what it is. */
export type SecretReference = { readonly env: string } | { readonly file: string };

export const MASK = '[secret]';

/** The method that Node's inspection calls. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** A value that never prints: not in logs, not in JSON, not in error messages. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it where it is used, and keep it in no variable that is logged. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [INSPECT](): string {
    return MASK;
  }
}
