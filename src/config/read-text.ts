import { readFileSync } from 'node:fs';

/** A file's text, or the system's word for why there is none (`ENOENT`, `EACCES`, …). */
export type TextRead = { readonly text: string } | { readonly problem: string };

export function readText(path: string): TextRead {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (caught) {
    const code: unknown =
      caught !== null && typeof caught === 'object' && 'code' in caught ? caught.code : undefined;
    return { problem: typeof code === 'string' ? code : String(caught) };
  }
}
