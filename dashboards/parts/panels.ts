import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
  StackingConfigBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type {
  DynamicConfigValue,
  Panel,
  Threshold,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import * as trend from '@grafana/grafana-foundation-sdk/trend';
import { CLICKHOUSE, isSql, PROMETHEUS, target, type Query } from './queries.ts';

/** What every panel has. */
export interface PanelFacts {
  readonly title: string;
  /** What it shows, and what to think of it. */
  readonly description: string;
  /** Unit in Grafana's words: `percentunit`, `s`, `bytes`, `short` … */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of 24 columns; default 12. */
  readonly width?: number;
  /** In rows of 30 pixels; default 8. */
  readonly height?: number;
  readonly min?: number;
  readonly max?: number;
  readonly thresholds?: readonly Threshold[];
  readonly mappings?: readonly ValueMapping[];
  /** What stands there when there is no value. */
  readonly noValue?: string;
  /** Settings for the fields whose name matches. */
  readonly overrides?: Readonly<Record<string, readonly DynamicConfigValue[]>>;
}

interface PanelBuilder<B> extends Builder<Panel> {
  title(title: string): B;
  description(text: string): B;
  unit(unit: string): B;
  span(columns: number): B;
  height(rows: number): B;
  datasource(reference: { type: string; uid: string }): B;
  withTarget(query: ReturnType<typeof target>): B;
  min(value: number): B;
  max(value: number): B;
  mappings(mappings: ValueMapping[]): B;
  noValue(text: string): B;
  thresholds(thresholds: Builder<ReturnType<ThresholdsConfigBuilder['build']>>): B;
  colorScheme(color: Builder<ReturnType<FieldColorBuilder['build']>>): B;
  overrideByRegexp(pattern: string, properties: DynamicConfigValue[]): B;
}

function described<B extends PanelBuilder<B>>(builder: B, facts: PanelFacts): B {
  const { queries, overrides = {}, thresholds, mappings, noValue, min, max } = facts;
  builder.title(facts.title).description(facts.description).unit(facts.unit);
  builder.span(facts.width ?? 12).height(facts.height ?? 8);
  builder.datasource(isSql(queries[0]!) ? CLICKHOUSE : PROMETHEUS);
  queries.forEach((query, i) => builder.withTarget(target(query, i)));
  if (min !== undefined) builder.min(min);
  if (max !== undefined) builder.max(max);
  if (mappings !== undefined) builder.mappings([...mappings]);
  if (noValue !== undefined) builder.noValue(noValue);
  if (thresholds !== undefined) {
    const steps = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...thresholds]);
    builder.thresholds(steps).colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
  }
  for (const [pattern, properties] of Object.entries(overrides))
    builder.overrideByRegexp(pattern, [...properties]);
  return builder;
}

export interface LineFacts extends PanelFacts {
  readonly stacked?: boolean;
}

/** Lines over time. */
export function lines(facts: LineFacts): timeseries.PanelBuilder {
  const builder = described(new timeseries.PanelBuilder(), facts)
    .lineWidth(1)
    .fillOpacity(facts.stacked === true ? 30 : 0)
    .showPoints(VisibilityMode.Never)
    .drawStyle(GraphDrawStyle.Line)
    .legend(legend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (facts.stacked === true) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  return builder;
}

/** Lines over a column of numbers, which is the first one. */
export function curve(facts: PanelFacts & { readonly x: string }): trend.PanelBuilder {
  return described(new trend.PanelBuilder(), facts)
    .xField(facts.x)
    .lineWidth(1)
    .legend(legend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
}

/** Figures to be read from across the room; by default of the last value. */
export function figure(facts: PanelFacts & { readonly shows?: 'value' | 'name' }): stat.PanelBuilder {
  return described(new stat.PanelBuilder(), { width: 4, height: 4, ...facts })
    .graphMode(BigValueGraphMode.None)
    .colorMode(facts.thresholds === undefined ? BigValueColorMode.Value : BigValueColorMode.Background)
    .textMode(facts.shows === 'name' ? BigValueTextMode.Name : BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
}

/** One bar for each series, as it stands now. */
export function bars(facts: PanelFacts): bargauge.PanelBuilder {
  return described(new bargauge.PanelBuilder(), facts)
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(isSql(facts.queries[0]!)));
}

/** States over time. */
export function states(facts: PanelFacts): statetimeline.PanelBuilder {
  return described(new statetimeline.PanelBuilder(), facts)
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .legend(legend());
}

export interface RowFacts extends PanelFacts {
  /** Joins the rows of several queries by their labels. */
  readonly merged?: Readonly<Record<string, string>>;
  readonly hidden?: readonly string[];
}

/** Rows. With `merged`, queries are joined by their labels, and columns get these names. */
export function rows(facts: RowFacts): table.PanelBuilder {
  const builder = described(new table.PanelBuilder(), { width: 24, ...facts });
  if (facts.merged === undefined) return builder;
  const excludeByName = Object.fromEntries(['Time', ...(facts.hidden ?? [])].map((name) => [name, true]));
  return builder
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'organize', options: { excludeByName, renameByName: { ...facts.merged } } });
}

function legend(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true);
}

/** Green below, then orange and red from these values on; `null` stands for minus infinity. */
export function risingThresholds(orange: number, red: number): Threshold[] {
  return [
    { value: null, color: 'green' },
    { value: orange, color: 'orange' },
    { value: red, color: 'red' },
  ];
}

/** Red below, then orange and green from these values on. */
export function fallingThresholds(orange: number, green: number): Threshold[] {
  return [
    { value: null, color: 'red' },
    { value: orange, color: 'orange' },
    { value: green, color: 'green' },
  ];
}

/** Words and colours for values. */
export function words(map: Readonly<Record<string, readonly [text: string, color: string]>>): ValueMapping[] {
  const entries = Object.entries(map).map(([value, [text, color]], index) => [value, { text, color, index }]);
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(entries) as Record<string, object> }];
}

export const COLOR = (color: string): DynamicConfigValue => ({
  id: 'color',
  value: { mode: 'fixed', fixedColor: color },
});
export const DASHED: DynamicConfigValue = {
  id: 'custom.lineStyle',
  value: { fill: 'dash', dash: [10, 10] },
};
export const UNIT = (unit: string): DynamicConfigValue => ({ id: 'unit', value: unit });
