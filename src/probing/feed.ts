import { readdir, readFile } from 'node:fs/promises';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { findAttack } from '../attacks/catalogue.ts';
import {
  assertTrusted,
  compareVersions,
  invalid,
  parsePack,
  type RecipePack,
} from '../attacks/recipe-pack.ts';
import type { Clock } from '../domain/clock.ts';
import { AppError, toError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';
import type { Logger } from '../domain/logger.ts';
import { recipeId, type Recipe } from '../domain/recipe.ts';
import { ACCESSES, type ThreatModel } from '../domain/threat-model.ts';
import { bookOf, parseText } from '../evaluation/recipe-book.ts';

/** One source of the feed, as people see it. */
export interface FeedEntry {
  /** File name in the folder, or URL. */
  readonly source: string;
  /** in rotation: its recipes are tried; refused: it is not what it should be; unreachable: the last good one stays. */
  readonly state: 'in rotation' | 'refused' | 'unreachable';
  /** Why it was refused or cannot be reached. */
  readonly reason?: string;
  /** The pack whose recipes are in rotation, if there is one. */
  readonly pack?: {
    readonly name: string;
    readonly version: string;
    readonly sha256: string;
    readonly signedBy?: string;
    /** Recipes that are tried, and those that do not suit the threat model. */
    readonly recipes: number;
    readonly unsuited: number;
  };
  readonly sinceMs: number;
}

/** Recipe packs that arrive while Temper runs. */
export interface Feed {
  /** Looks at all sources once. Never rejects: what is wrong with a source is in its entry. */
  look(): Promise<void>;
  /** Recipes that suit the threat model, by name and then identity; of two alike one. */
  rotation(): readonly Recipe[];
  entries(): readonly FeedEntry[];
}

export interface FeedOptions {
  readonly directory?: string | undefined;
  readonly urls: readonly string[];
  /** Trusted public keys by name; empty: a checksum is enough. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly threat: Pick<ThreatModel, 'norm' | 'access'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PACK_FILE = /\.(json|ya?ml)$/;
const MOST_BYTES = 4 * 2 ** 20;
const TIMEOUT_MS = 10_000;

interface Source {
  entry: FeedEntry;
  /** Hash of the text that was looked at last. */
  textHash: string;
  /** The newest good pack. */
  pack?: RecipePack;
}

/**
 * Watches a folder and URLs. A pack is checked whole before any of it counts: format, checksum, signature where keys are
 * given, attacks and parameters. Of a name only a newer version replaces one; a bad pack changes nothing, and the good
 * one before it stays. A file that is taken away takes its recipes out of rotation; a URL that does not answer does not.
 */
export function createFeed(options: FeedOptions): Feed {
  const { clock, logger } = options;
  const sources = new Map<string, Source>();
  const note = (source: string, entry: Omit<FeedEntry, 'source' | 'sinceMs'>, textHash: string): void => {
    const before = sources.get(source);
    const isNews = before?.entry.state !== entry.state || before.entry.reason !== entry.reason;
    sources.set(source, {
      ...before,
      textHash,
      entry: { source, ...entry, sinceMs: isNews ? clock.nowMs() : before.entry.sinceMs },
    });
    if (isNews && entry.state !== 'in rotation')
      logger.warn({ source, reason: entry.reason }, 'feed_source_bad');
  };
  const take = (source: string, text: string): void => {
    const textHash = sha256(text);
    const known = sources.get(source);
    if (known?.textHash === textHash && known.entry.state !== 'unreachable') return;
    try {
      const pack = checkPack(text, {
        source,
        known: known?.pack,
        options,
        others: otherPacks(sources, source),
      });
      const summary = summaryOf(pack, options.threat);
      sources.set(source, {
        textHash,
        pack,
        entry: { source, state: 'in rotation', pack: summary, sinceMs: clock.nowMs() },
      });
      logger.info(
        { source, pack: pack.name, version: pack.version, recipes: summary.recipes },
        'feed_pack_taken',
      );
    } catch (caught) {
      if (!(caught instanceof AppError)) throw caught;
      note(source, withPack('refused', caught.message, known), textHash);
    }
  };
  return {
    async look() {
      const found = await readDirectory(options.directory);
      if ('problem' in found) note(options.directory!, { state: 'unreachable', reason: found.problem }, '');
      else {
        dropGone(sources, options, new Set(found.files.map(({ name }) => name)));
        for (const { name, text } of found.files) take(name, text);
      }
      for (const url of options.urls) {
        const answer = await download(url);
        if ('text' in answer) take(url, answer.text);
        else {
          const known = sources.get(url);
          note(url, withPack('unreachable', answer.problem, known), known?.textHash ?? '');
        }
      }
    },
    rotation: () => rotationOf([...sources.values()], options.threat),
    entries: () =>
      [...sources.values()].map(({ entry }) => entry).sort((a, b) => (a.source < b.source ? -1 : 1)),
  };
}

/** Public keys as the configuration names them. @throws {AppError} TEMPER_RECIPES_INVALID */
export async function readKeys(
  keys: readonly { readonly name: string; readonly file: string }[],
): Promise<ReadonlyMap<string, KeyObject>> {
  const read = keys.map(async ({ name, file }) => {
    try {
      const key = createPublicKey(await readFile(file));
      if (key.asymmetricKeyType === 'ed25519') return [name, key] as const;
      throw new Error(`it is of type ${key.asymmetricKeyType ?? 'unknown'}`);
    } catch (caught) {
      throw invalid(file, `expected a public Ed25519 key in PEM: ${toError(caught).message}`);
    }
  });
  return new Map(await Promise.all(read));
}

interface Checking {
  readonly source: string;
  /** The good pack that this source had before. */
  readonly known: RecipePack | undefined;
  readonly others: readonly RecipePack[];
  readonly options: FeedOptions;
}

function checkPack(text: string, { source, known, others, options }: Checking): RecipePack {
  const pack = parsePack(parseText(text, source), source);
  assertTrusted(pack, { keys: options.keys, where: source });
  const sameName = others.find(({ name }) => name === pack.name);
  if (sameName !== undefined) throw invalid(source, `pack ${pack.name} comes from another source already`);
  if (known !== undefined && known.name === pack.name) {
    const order = compareVersions(pack.version, known.version);
    const isOther = order === 0 && pack.sha256 !== known.sha256;
    if (order < 0 || isOther)
      throw invalid(
        source,
        `expected a version above ${known.version} of ${pack.name}, got ${isOther ? 'the same with other content' : pack.version}`,
      );
  }
  bookOf([...others, pack]);
  return pack;
}

function otherPacks(sources: ReadonlyMap<string, Source>, own: string): RecipePack[] {
  return [...sources].flatMap(([source, { pack }]) => (source === own || pack === undefined ? [] : [pack]));
}

function withPack(
  state: FeedEntry['state'],
  reason: string,
  known: Source | undefined,
): Omit<FeedEntry, 'source' | 'sinceMs'> {
  return { state, reason, ...(known?.entry.pack === undefined ? {} : { pack: known.entry.pack }) };
}

function summaryOf(pack: RecipePack, threat: FeedOptions['threat']): NonNullable<FeedEntry['pack']> {
  const suited = pack.recipes.filter((recipe) => isSuited(recipe, threat)).length;
  return {
    name: pack.name,
    version: pack.version,
    sha256: pack.sha256,
    ...(pack.signature === undefined ? {} : { signedBy: pack.signature.key }),
    recipes: suited,
    unsuited: pack.recipes.length - suited,
  };
}

function rotationOf(sources: readonly Source[], threat: FeedOptions['threat']): readonly Recipe[] {
  const all = sources.flatMap(({ pack }) => pack?.recipes ?? []).filter((recipe) => isSuited(recipe, threat));
  const byId = new Map(all.map((recipe) => [recipeId(recipe), recipe]));
  return [...byId.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether a recipe can be tried on production samples: within norm, epsilon and access, on a replica by itself. */
export function isSuited({ attack }: Recipe, { norm, access }: FeedOptions['threat']): boolean {
  const definition = findAttack(attack);
  return (
    definition.limits !== 'own' &&
    definition.norms.includes(norm) &&
    ACCESSES.indexOf(access) <= ACCESSES.indexOf(definition.access) &&
    !NEEDS_MORE.includes(attack)
  );
}

/** Attacks that need files or data where the replica is attacked. */
const NEEDS_MORE = ['transfer', 'universal', 'precomputed'];

function dropGone(
  sources: Map<string, Source>,
  { urls, directory, logger }: FeedOptions,
  present: ReadonlySet<string>,
): void {
  for (const source of sources.keys()) {
    if (present.has(source) || urls.includes(source)) continue;
    sources.delete(source);
    if (source !== directory) logger.info({ source }, 'feed_pack_gone');
  }
}

async function readDirectory(
  directory: string | undefined,
): Promise<{ readonly files: readonly { name: string; text: string }[] } | { readonly problem: string }> {
  if (directory === undefined) return { files: [] };
  try {
    const names = (await readdir(directory)).filter((name) => PACK_FILE.test(name)).sort();
    const files = await Promise.all(
      names.map(async (name) => ({ name, text: await readFile(join(directory, name), 'utf8') })),
    );
    return { files };
  } catch (caught) {
    return { problem: toError(caught).message };
  }
}

/** What a URL answers; a redirect is not followed, since it may lead anywhere. */
async function download(url: string): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) return { problem: `expected status 200, got ${response.status}` };
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk as Uint8Array); // what fetch streams
      bytes += chunks.at(-1)!.length;
      if (bytes > MOST_BYTES) return { problem: `expected at most ${MOST_BYTES} bytes, got more` };
    }
    return { text: Buffer.concat(chunks).toString('utf8') };
  } catch (caught) {
    const { cause } = toError(caught) as { cause?: unknown };
    return { problem: cause === undefined ? toError(caught).message : toError(cause).message };
  }
}
