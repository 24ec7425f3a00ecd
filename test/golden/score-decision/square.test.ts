import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { l2WindowSide } from '../../../src/attacks/square/l2-moves.ts';
import { moveMass } from '../../../src/attacks/square/mass.ts';
import { twinPyramids } from '../../../src/attacks/square/pyramids.ts';
import { windowShare, type Window } from '../../../src/attacks/square/windows.ts';

type Corners = readonly [top: number, left: number, height: number, width: number];

interface Golden {
  readonly pyramids: readonly { height: number; width: number; across: boolean; values: number[] }[];
  readonly sides: readonly {
    image: readonly [number, number];
    index: number;
    total: number | null;
    side: number;
  }[];
  readonly moves: readonly {
    readonly image: readonly [number, number, number];
    readonly epsilon: number;
    readonly original: number[];
    readonly best: number[];
    readonly to: Corners;
    readonly frm: Corners;
    readonly across: boolean;
    readonly signs: number[];
    readonly after: number[];
  }[];
}

const golden = JSON.parse(readFileSync(join(__dirname, 'square.json'), 'utf8')) as Golden;
const windowOf = ([top, left, height, width]: Corners): Window => ({ top, left, height, width });

test.each(golden.pyramids)('twin pyramids, $height by $width, across $across', (given) => {
  const values = twinPyramids(given.height, given.width, given.across);
  expect(values.length).toBe(given.values.length);
  values.forEach((value, k) => expect(value).toBeCloseTo(given.values[k]!, 12));
});

test('pyramids in images of one line: split where there is something to split', () => {
  expect(Array.from(twinPyramids(1, 1, false))).toEqual([1]);
  for (const across of [false, true]) {
    expect(
      twinPyramids(1, 6, across)
        .slice(0, 3)
        .every((value) => value > 0),
    ).toBe(true);
    expect(
      twinPyramids(6, 1, across)
        .slice(3)
        .every((value) => value < 0),
    ).toBe(true);
  }
});

test.each(golden.sides)('side of window $index of $total in $image', ({ image, index, total, side }) => {
  const [height, width] = image;
  expect(l2WindowSide(windowShare(index, 0.8, total ?? undefined), { height, width, channels: 1 })).toBe(
    side,
  );
});

test.each(golden.moves.map((move, i) => [i, move] as const))(
  'mass moved between windows, case %i',
  (_, given) => {
    const [height, width, channels] = given.image;
    const point = Float32Array.from(given.best);
    const original = Float32Array.from(given.original);
    const squares = point.reduce((sum, x, j) => sum + (x - original[j]!) ** 2, 0);
    const to = windowOf(given.to);
    const after = moveMass(point, original, {
      image: { height, width, channels },
      to,
      from: windowOf(given.frm),
      shape: twinPyramids(to.height, to.width, given.across),
      signs: Int8Array.from(given.signs),
      most: given.epsilon ** 2,
      squares,
      range: [0, 1],
    });
    point.forEach((x, j) => expect(Math.abs(x - given.after[j]!)).toBeLessThan(2e-6));
    expect(after).toBeCloseTo(
      point.reduce((sum, x, j) => sum + (x - original[j]!) ** 2, 0),
      10,
    );
  },
);
