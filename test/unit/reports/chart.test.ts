import fc from 'fast-check';

import { barChart } from '../../../src/reports/chart/bar-chart.ts';
import { lineChart } from '../../../src/reports/chart/line-chart.ts';
import { createScale, extent } from '../../../src/reports/chart/scale.ts';
import { scatterChart } from '../../../src/reports/chart/scatter-chart.ts';

const interval = (value: number, half = 0.05) => ({
  value,
  lower: value - half,
  upper: value + half,
  n: 100,
  confidence: 0.95,
});

describe('scale', () => {
  test('ticks are round numbers without rounding dust', () => {
    expect(createScale({ domain: [0, 0.3], pixels: [0, 100], tickCount: 3 }).ticks).toEqual([
      0, 0.1, 0.2, 0.3,
    ]);
    expect(createScale({ domain: [0, 2100], pixels: [0, 100], tickCount: 10 }).ticks.at(-1)).toBe(2000);
  });

  test('nice ends enclose the domain', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        (low, width) => {
          const domain: [number, number] = [low, low + width];
          fc.pre(domain[1] > domain[0]);
          const scale = createScale({ domain, pixels: [0, 500], tickCount: 5, nice: true });
          const slack = 1e-9 * Math.max(1, Math.abs(low), width);
          expect(scale.domain[0]).toBeLessThanOrEqual(domain[0] + slack);
          expect(scale.domain[1]).toBeGreaterThanOrEqual(domain[1] - slack);
          expect(scale.ticks.length).toBeLessThanOrEqual(8);
          for (const tick of scale.ticks) expect(scale.at(tick)).toBeGreaterThanOrEqual(-1e-6);
        },
      ),
    );
  });

  test('values outside are clamped; a domain of one point still has a place', () => {
    const scale = createScale({ domain: [0, 1], pixels: [100, 0], tickCount: 5 });
    expect([scale.at(-3), scale.at(0.25), scale.at(7)]).toEqual([100, 75, 0]);
    expect(Number.isFinite(createScale({ domain: [2, 2], pixels: [0, 10], tickCount: 5 }).at(2))).toBe(true);
  });

  test.each([
    [[], [0, 1]],
    [
      [Number.NaN, Number.POSITIVE_INFINITY],
      [0, 1],
    ],
    [[3], [2.5, 3.5]],
    [
      [3, Number.NaN, 1],
      [1, 3],
    ],
  ])('extent of %p is %p', (values, expected) => {
    expect(extent(values)).toEqual(expected);
  });
});

describe('charts', () => {
  const text = { title: 'Risk <1>', description: 'a & b' };

  test('a line breaks at a gap, its band covers only points with an interval', () => {
    const points = [
      { x: 0, y: 1, lower: 0.5, upper: 1.5 },
      { x: 1, y: 2, lower: 1.5, upper: 2.5 },
      { x: 2, y: Number.NaN },
      { x: 3, y: 1 },
      { x: 4, y: 2 },
    ];
    const { markup } = lineChart({
      ...text,
      xLabel: 'x',
      yLabel: 'y',
      series: [{ name: 's', tone: 'blue', points }],
    });
    expect(markup.match(/class="line/g)).toHaveLength(2);
    expect(markup.match(/class="band/g)).toHaveLength(1);
    expect(markup).not.toContain('NaN');
  });

  test('a step holds its value until the next point', () => {
    const series = [
      {
        name: 's',
        tone: 'red',
        shape: 'step',
        points: [
          { x: 0, y: 0 },
          { x: 10, y: 1 },
        ],
      },
    ] as const;
    const { markup } = lineChart({ ...text, xLabel: 'x', yLabel: 'y', series });
    expect(markup).toMatch(/d="M[\d.]+ [\d.]+H[\d.]+V[\d.]+"/);
  });

  test('flags that would overlap take different rows', () => {
    const events = [10, 11, 12].map((x) => ({ x, label: 'version promoted', tone: 'green' as const }));
    const series = [
      {
        name: 's',
        tone: 'blue' as const,
        points: [
          { x: 0, y: 0 },
          { x: 1000, y: 1 },
        ],
      },
    ];
    const { markup } = lineChart({ ...text, xLabel: 'x', yLabel: 'y', series, events });
    const rows = [...markup.matchAll(/<rect\s+x="[\d.]+"\s+y="([\d.]+)"[^>]*height="15"/g)].map(
      (match) => match[1],
    );
    expect(new Set(rows).size).toBe(3);
  });

  test.each([
    ['line', () => lineChart({ ...text, xLabel: 'x', yLabel: 'y', series: [] })],
    [
      'bars',
      () => barChart({ ...text, groups: [], series: [], yLabel: 'y', yDomain: [0, 1], format: String }),
    ],
    ['scatter', () => scatterChart({ ...text, points: [], xLabel: 'x', yLabel: 'y', format: String })],
  ])('an empty %s chart is still a chart', (_, draw) => {
    expect(draw().markup).toContain('<svg');
    expect(draw().markup).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('title and description are there for everyone, escaped', () => {
    const { markup } = scatterChart({
      ...text,
      points: [{ x: interval(0.9), y: interval(0.5), label: '<v1>', tone: 'blue' }],
      xLabel: 'x',
      yLabel: 'y',
      format: String,
    });
    expect(markup).toContain('<title>Risk &lt;1&gt;</title>');
    expect(markup).toContain('<desc>a &amp; b</desc>');
    expect(markup).not.toContain('<v1>');
  });

  test('a bar ends at its value and its whisker at the limits', () => {
    const series = [{ name: 's', tone: 'blue' as const, values: [interval(0.5, 0.25)] }];
    const options = {
      ...text,
      groups: [{ name: 'v1' }],
      series,
      yLabel: 'y',
      yDomain: [0, 1] as const,
      format: String,
    };
    const { markup } = barChart({ ...options, height: 174 });
    // Room for the values: 174 − 22 above − 52 below = 100 pixels, so half is at 72, a quarter at 97, three quarters at 47.
    expect(markup).toMatch(/<rect[^>]*y="72"[^>]*height="50"/);
    expect(markup).toMatch(/class="whisker"\s+d="M[\d.]+ 47V97/);
  });
});
