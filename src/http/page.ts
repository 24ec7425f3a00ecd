import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The status page as one self-contained document, and the policy under which a browser may run it. */
export interface StatusPage {
  readonly html: string;
  /** Directives for helmet: only this page's own scripts and style, pictures as data URIs, requests to this server. */
  readonly directives: Readonly<Record<string, readonly string[]>>;
}

/**
 * Puts the style sheet and the parts of the script into the page. All are allowed by their hashes, so that nothing that
 * might ever get into the page from outside could run.
 */
export function loadStatusPage(directory: string = join(__dirname, 'page')): StatusPage {
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const style = read('status.css');
  const html = read('status.html')
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace(/<script data-part="(\w+)"><\/script>/g, (_, part: string) => read(`${part}.html`).trim());
  const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map((match) => hashSource(match[1]!));
  const directives = {
    defaultSrc: ["'none'"],
    scriptSrc: scripts,
    styleSrc: [hashSource(style)],
    imgSrc: ['data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  };
  return { html, directives };
}

function hashSource(content: string): string {
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}
