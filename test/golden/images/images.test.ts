import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskKernel, filterWith, gaussianBlur, lineKernel } from '../../../src/attacks/images/blur.ts';
import { pixelate } from '../../../src/attacks/images/coarse.ts';
import { brighten, changeContrast, saturate } from '../../../src/attacks/images/colour.ts';
import type { Image } from '../../../src/attacks/images/sample.ts';
import { warp } from '../../../src/attacks/images/warp.ts';

type Arguments = Readonly<Record<string, number>>;
interface Golden {
  readonly images: Readonly<
    Record<string, { readonly shape: readonly [number, number, number]; readonly values: number[] }>
  >;
  readonly cases: readonly {
    readonly call: string;
    readonly image: string;
    readonly arguments: Arguments;
    readonly expected: readonly number[];
  }[];
}

const golden = JSON.parse(readFileSync(join(__dirname, 'images.json'), 'utf8')) as Golden;

const CALLS: Readonly<Record<string, (image: Image, given: Arguments) => Float32Array>> = {
  warp: (image, { fill = 0, ...motion }) => warp(image, motion, fill),
  gaussianBlur: (image, { sigma }) => gaussianBlur(image, sigma!),
  disk: (image, { radius }) => filterWith(image, diskKernel(radius!)),
  line: (image, { length, degrees }) => filterWith(image, lineKernel(length!, degrees!)),
  changeContrast: (image, { factor }) => changeContrast(image, factor!),
  brighten: (image, { amount }) => brighten(image, amount!),
  saturate: (image, { factor, added }) => saturate(image, [factor!, added!]),
  pixelate: (image, { share }) => pixelate(image, share!),
};

function imageOf(name: string): Image {
  const { shape, values } = golden.images[name]!;
  const [height, width, channels] = shape;
  return { values: Float32Array.from(values), shape: { height, width, channels } };
}

test.each(golden.cases.map((each) => [each.call, each.image, JSON.stringify(each.arguments), each] as const))(
  '%s of the %s image with %s',
  (_, __, ___, { call, image, arguments: given, expected }) => {
    const found = CALLS[call]!(imageOf(image), given);
    expect(found).toHaveLength(expected.length);
    const farthest = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - found[i]!)), 0);
    expect(farthest).toBeLessThan(2e-6);
  },
);
