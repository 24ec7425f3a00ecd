import { PNG } from 'pngjs';

import { isPicture, perturbationUri, pictureUri } from '../../../src/reports/picture.ts';

function pixelsOf(uri: string): { width: number; height: number; at: (pixel: number) => number[] } {
  const png = PNG.sync.read(Buffer.from(uri.replace('data:image/png;base64,', ''), 'base64'));
  return {
    width: png.width,
    height: png.height,
    at: (pixel) => [...png.data.subarray(4 * pixel, 4 * pixel + 4)],
  };
}

test('one channel is grey, from the low end to the high end of the range', () => {
  const image = pixelsOf(
    pictureUri(Float32Array.of(-1, 0, 1, 5, -9, Number.NaN), { inputShape: [2, 3, 1], range: [-1, 1] }),
  );
  expect([image.width, image.height]).toEqual([3, 2]);
  expect([0, 1, 2, 3, 4, 5].map((i) => image.at(i)[0])).toEqual([0, 128, 255, 255, 0, 0]);
  expect(image.at(1)).toEqual([128, 128, 128, 255]);
});

test('three channels are red, green, blue', () => {
  const image = pixelsOf(
    pictureUri(Float32Array.of(1, 0, 0, 0, 0.2, 1), { inputShape: [1, 2, 3], range: [0, 1] }),
  );
  expect([image.at(0), image.at(1)]).toEqual([
    [255, 0, 0, 255],
    [0, 51, 255, 255],
  ]);
});

test('a perturbation is white where nothing changed, red where raised, blue where lowered, full colour at `full`', () => {
  const clean = Float32Array.of(0.5, 0.5, 0.5, 0.5);
  const adversarial = Float32Array.of(0.5, 0.7, 0.3, 0.6);
  const image = pixelsOf(
    perturbationUri(clean, adversarial, { inputShape: [1, 4], range: [0, 1], full: 0.2 }),
  );
  expect(image.at(0)).toEqual([255, 255, 255, 255]);
  const [raised, lowered, half] = [image.at(1), image.at(2), image.at(3)] as [number[], number[], number[]];
  expect(raised[0]).toBeGreaterThan(raised[2]! + 100);
  expect(lowered[2]).toBeGreaterThan(lowered[0]! + 100);
  expect(half[1]).toBeGreaterThan(raised[1]! + 50);
});

test.each([
  [[28, 28, 1], true],
  [[28, 28], true],
  [[32, 32, 3], true],
  [[32, 32, 4], false],
  [[40], false],
])('shape %p is a picture: %p', (shape, expected) => {
  expect(isPicture(shape)).toBe(expected);
});
