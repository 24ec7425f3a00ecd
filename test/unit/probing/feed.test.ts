import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sealPack, type PackFile } from '../../../src/attacks/recipe-pack.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { recipeId } from '../../../src/domain/recipe.ts';
import { createFeed, readKeys, type Feed, type FeedOptions } from '../../../src/probing/feed.ts';

const recipes = (...steps: number[]) =>
  steps.map((count) => {
    const recipe = parseRecipe({ name: `find-${count}`, attack: 'composed', parameters: { steps: count } });
    return { ...recipe, id: recipeId(recipe) };
  });
const packOf = (name: string, version: string, ...steps: number[]): PackFile => ({
  schema: 'temper/recipes/1',
  name,
  version,
  summary: '',
  recipes: recipes(...steps),
  suites: [],
});
const { publicKey, privateKey } = generateKeyPairSync('ed25519');

let directory: string;
let nowMs: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-feed-'));
  nowMs = 1000;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const feedOf = (given: Partial<FeedOptions> = {}): Feed =>
  createFeed({
    directory,
    urls: [],
    keys: new Map<string, KeyObject>(),
    threat: { norm: 'linf', access: 'gradients' },
    clock: { nowMs: () => nowMs },
    logger: silentLogger,
    ...given,
  });
const write = (file: string, content: object | string): Promise<void> =>
  writeFile(join(directory, file), typeof content === 'string' ? content : JSON.stringify(content));
const names = (feed: Feed): string[] => feed.rotation().map(({ name }) => name);

test('a new pack is in rotation at the next look, a newer version replaces it, a file taken away takes it out', async () => {
  const feed = feedOf();
  await feed.look();
  expect(feed.entries()).toEqual([]);
  await write('a.json', sealPack(packOf('a', '1', 3, 2)));
  await write('notes.txt', 'no pack');
  await feed.look();
  expect(names(feed)).toEqual(['find-2', 'find-3']);
  await write('a.json', sealPack(packOf('a', '1.1', 4)));
  nowMs = 2000;
  await feed.look();
  expect(names(feed)).toEqual(['find-4']);
  expect(feed.entries()).toMatchObject([
    {
      source: 'a.json',
      state: 'in rotation',
      sinceMs: 2000,
      pack: { name: 'a', version: '1.1', recipes: 1 },
    },
  ]);
  await unlink(join(directory, 'a.json'));
  await feed.look();
  expect([names(feed), feed.entries()]).toEqual([[], []]);
});

test.each<[string, () => object | string, RegExp]>([
  ['no JSON', () => '{', /expected JSON or YAML/],
  ['no seal', () => packOf('a', '2', 5), /without sha256/],
  ['changed', () => ({ ...sealPack(packOf('a', '2', 5)), summary: 'x' }), /changed after it was sealed/],
  ['older', () => sealPack(packOf('a', '0.9', 5)), /a version above 1/],
  ['the same version with other content', () => sealPack(packOf('a', '1', 5)), /the same with other content/],
  [
    'another attack',
    () =>
      sealPack({
        ...packOf('a', '2', 5),
        recipes: [{ name: 'x', attack: 'magic', parameters: {}, id: '0'.repeat(16) }],
      }),
    /got "magic"/,
  ],
  [
    'code',
    () =>
      sealPack({
        ...packOf('a', '2', 5),
        recipes: [{ name: 'x', attack: 'module:./a.cjs', parameters: {}, id: '0'.repeat(16) }],
      }),
    /module/,
  ],
  [
    'a built-in name',
    () => sealPack({ ...packOf('a', '2', 5), recipes: [{ ...recipes(5)[0]!, name: 'pgd-5' }] }),
    /built-in/,
  ],
])('%s is refused, and the good pack before it stays', async (_, content, reason) => {
  const feed = feedOf();
  await write('a.json', sealPack(packOf('a', '1', 3)));
  await feed.look();
  nowMs = 5000;
  await write('a.json', content());
  await feed.look();
  nowMs = 6000;
  await feed.look();
  expect(feed.entries()).toMatchObject([{ state: 'refused', pack: { version: '1' }, sinceMs: 5000 }]);
  expect(feed.entries()[0]!.reason).toMatch(reason);
  expect(names(feed)).toEqual(['find-3']);
});

test('with keys a pack has to be signed by one of them', async () => {
  const keyFile = join(directory, 'key.pem');
  await writeFile(keyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  const feed = feedOf({ keys: await readKeys([{ name: 'team', file: keyFile }]) });
  await write('a.json', sealPack(packOf('a', '1', 3)));
  await write('b.json', sealPack(packOf('b', '1', 4), { name: 'team', key: privateKey }));
  await feed.look();
  expect(feed.entries()).toMatchObject([
    { source: 'a.json', state: 'refused' },
    { source: 'b.json', state: 'in rotation', pack: { signedBy: 'team' } },
  ]);
  await expect(readKeys([{ name: 'team', file: join(directory, 'a.json') }])).rejects.toThrow(
    /public Ed25519 key/,
  );
});

test('recipes that do not suit the threat model are counted, not tried', async () => {
  const pack = packOf('a', '1', 3);
  const unsuited = ['ddn', 'spatial', 'precomputed'].map((attack) => {
    const recipe = parseRecipe({
      name: `my-${attack}`,
      attack,
      parameters: attack === 'precomputed' ? { file: 'x.npz' } : {},
    });
    return { ...recipe, id: recipeId(recipe) };
  });
  await write('a.json', sealPack({ ...pack, recipes: [...pack.recipes, ...unsuited] }));
  const feed = feedOf();
  await feed.look();
  expect(feed.entries()[0]!.pack).toMatchObject({ recipes: 1, unsuited: 3 });
  expect(names(feed)).toEqual(['find-3']);
});

test('two sources with one name or one recipe', async () => {
  await write('a.json', sealPack(packOf('a', '1', 3)));
  await write('b.json', sealPack(packOf('a', '2', 4)));
  await write(
    'c.json',
    sealPack({ ...packOf('c', '1', 3), recipes: [{ ...recipes(3)[0]!, name: 'again' }] }),
  );
  const feed = feedOf();
  await feed.look();
  expect(feed.entries().map(({ state }) => state)).toEqual(['in rotation', 'refused', 'in rotation']);
  // One identity is tried once.
  expect(feed.rotation()).toHaveLength(1);
});

describe('a URL', () => {
  let server: Server;
  let answer: { status: number; body: string };
  let url: string;
  beforeEach(async () => {
    server = createServer((_, response) => {
      response
        .writeHead(answer.status, answer.status === 302 ? { location: '/elsewhere' } : {})
        .end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pack.json`;
  });
  afterEach(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));

  test('is asked again and again; one that fails keeps what it brought', async () => {
    const feed = feedOf({ directory: undefined, urls: [url] });
    answer = { status: 200, body: JSON.stringify(sealPack(packOf('a', '1', 3))) };
    await feed.look();
    expect(feed.entries()).toMatchObject([{ source: url, state: 'in rotation' }]);
    for (const [status, body] of [
      [500, ''],
      [302, ''],
      [200, 'x'.repeat(5 * 2 ** 20)],
    ] as const) {
      answer = { status, body };
      await feed.look();
      expect(feed.entries()).toMatchObject([{ state: 'unreachable', pack: { version: '1' } }]);
      expect(names(feed)).toEqual(['find-3']);
    }
    answer = { status: 200, body: JSON.stringify(sealPack(packOf('a', '2', 4))) };
    await feed.look();
    expect([feed.entries()[0]!.state, names(feed)]).toEqual(['in rotation', ['find-4']]);
  });
});

test('a folder that is not there is unreachable, until it is', async () => {
  const feed = feedOf({ directory: join(directory, 'later') });
  await feed.look();
  expect(feed.entries()).toMatchObject([{ state: 'unreachable' }]);
});
