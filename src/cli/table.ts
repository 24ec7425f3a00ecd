/** A column of a table for the terminal. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Rows as aligned text, columns two spaces apart, no trailing spaces. Cells may hold colour codes; they take no room. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, i) =>
    Math.max(...[titles, ...rows].map((row) => visibleLength(row[i] ?? ''))),
  );
  const line = (row: readonly string[]): string =>
    columns
      .map(({ align }, i) => pad(row[i] ?? '', widths[i]!, align ?? 'left'))
      .join('  ')
      .trimEnd();
  return [titles, ...rows].map(line).join('\n');
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - visibleLength(text)));
  return align === 'left' ? text + space : space + text;
}

function visibleLength(text: string): number {
  // Colour codes as written by `styled`.
  return text.replace(/\u001B\[\d+m/g, '').length;
}
