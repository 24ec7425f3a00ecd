/** Where text goes: standard output or error, or a test's memory. */
export interface Output {
  readonly isTerminal: boolean;
  /** Characters per line. */
  readonly columns: number;
  /** Whether colour helps: a terminal, and NO_COLOR is not set. */
  readonly hasColor: boolean;
  write(text: string): void;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/** Text in a colour, where the output shows colours. */
export function styled(output: Output, style: Style, text: string): string {
  return output.hasColor ? `\u001B[${CODES[style]}m${text}\u001B[0m` : text;
}

export function printLine(output: Output, text = ''): void {
  output.write(`${text}\n`);
}
