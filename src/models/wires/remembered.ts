/** Something that is asked once and remembered until it is forgotten. A failure is not remembered. */
export interface Remembered<T> {
  get(): Promise<T>;
  forget(): void;
}

export function remembered<T>(ask: () => Promise<T>): Remembered<T> {
  let known: Promise<T> | undefined;
  return {
    get() {
      const mine = (known ??= ask());
      mine.catch(() => {
        if (known === mine) known = undefined;
      });
      return mine;
    },
    forget() {
      known = undefined;
    },
  };
}
