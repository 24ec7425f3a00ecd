import { searchTogether, type Search } from '../../../src/attacks/questions.ts';
import type { Batch } from '../../../src/domain/target.ts';

interface World {
  readonly live: Set<number>;
  readonly batches: number[][];
}

const world = (examples: number): World => ({
  live: new Set(Array.from({ length: examples }, (_, i) => i)),
  batches: [],
});

/** Asks points (example, number of the question, index) and gets back their sum. */
async function run(
  { live, batches }: World,
  searchOf: (example: number) => Search,
  options: { readonly queries?: number; readonly batchRows?: number } = {},
): Promise<void> {
  await searchTogether(
    {
      features: 3,
      feasible: () => undefined,
      isLive: (example) => live.has(example),
      liveRows: () => Int32Array.from(live),
    },
    searchOf,
    {
      queries: 1_000,
      ...options,
      answer: ({ inputs, count, rows }: Batch) => {
        batches.push(Array.from(rows));
        const sums = Array.from(
          { length: count },
          (_, i) => inputs[3 * i]! + inputs[3 * i + 1]! + inputs[3 * i + 2]!,
        );
        return Promise.resolve(sums);
      },
    },
  );
}

function* asks(example: number, counts: readonly number[], got: number[] = []): Search {
  for (const [turn, count] of counts.entries())
    yield {
      count,
      write: (point, index) => point.set([100 * example, 10 * turn, index]),
      take: (answer, point, index) => {
        expect(Array.from(point)).toEqual([100 * example, 10 * turn, index]);
        got.push(answer);
      },
    };
}

test('questions of all searches share batches of bounded size; answers come in order', async () => {
  const state = world(3);
  const got: number[][] = [[], [], []];
  await run(state, (example) => asks(example, [5, 1, 3], got[example]), { batchRows: 4 });
  expect(state.batches.every((rows) => rows.length <= 4)).toBe(true);
  got.forEach((answers, example) =>
    expect(answers).toEqual([0, 1, 2, 3, 4, 10, 20, 21, 22].map((sum) => 100 * example + sum)),
  );
});

test('with room for all, each turn is one batch', async () => {
  const state = world(4);
  await run(state, (example) => asks(example, [2, 1]));
  expect(state.batches.map((rows) => rows.length)).toEqual([8, 4]);
});

test('a search ends in the middle of a question when its queries are used up', async () => {
  const state = world(2);
  const got: number[] = [];
  await run(state, (example) => asks(example, [3, 50], example === 0 ? got : []), { queries: 10 });
  expect(got.length).toBe(10);
  expect(state.batches.flat().filter((row) => row === 1).length).toBe(10);
});

test('an example that is done is asked no more, takes no answers, and its search is closed', async () => {
  const state = world(2);
  const closed: number[] = [];
  function* endless(example: number): Search {
    try {
      for (let turn = 0; turn < 1_000; turn++)
        yield {
          count: 1,
          write: (point) => point.fill(example),
          take: () => {
            if (turn === 3) state.live.delete(0);
          },
        };
    } finally {
      closed.push(example);
    }
  }
  await run(state, endless, { queries: 20 });
  expect(closed).toEqual([0, 1]);
  expect(state.batches.flat().filter((row) => row === 0).length).toBe(4);
  expect(state.batches.flat().filter((row) => row === 1).length).toBe(20);
});

test('searches that ask nothing, and no searches', async () => {
  const state = world(2);
  await run(state, (example) => asks(example, []));
  await run(world(0), (example) => asks(example, [1]));
  expect(state.batches).toEqual([]);
});
