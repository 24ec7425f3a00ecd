import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';

export const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };
export const CLICKHOUSE = { type: 'grafana-clickhouse-datasource', uid: '${clickhouse}' };

/** Label matchers of metrics of the whole process, and of those of one model. */
export const PROCESS = 'job=~"$job",instance=~"$instance"';
export const MODEL = `${PROCESS},model=~"$model"`;

/** SQL condition: the models that are chosen. A pattern, because "All" is put in as the pattern `.+`, whatever the format. */
export const MODELS = "match(model, '^(${model:regex})$')";

export interface PromQuery {
  readonly expr: string;
  readonly legend?: string;
  /** One value for each series, now; default over time. */
  readonly now?: boolean;
  /** As rows of a table. */
  readonly table?: boolean;
}

export interface SqlQuery {
  readonly sql: string;
  /** Whether the first column is a time and the rest are lines. Default: rows of a table. */
  readonly overTime?: boolean;
}

export type Query = PromQuery | SqlQuery;

export function isSql(query: Query): query is SqlQuery {
  return 'sql' in query;
}

/** A target of a panel; letters number them: A, B, C … */
export function target(query: Query, index: number): Builder<Dataquery> {
  const refId = String.fromCharCode(65 + index);
  return isSql(query) ? sqlTarget(query, refId) : promTarget(query, refId);
}

function promTarget(
  { expr, legend, now = false, table = false }: PromQuery,
  refId: string,
): DataqueryBuilder {
  const builder = new DataqueryBuilder().refId(refId).expr(oneLine(expr)).datasource(PROMETHEUS);
  if (now) builder.instant();
  else builder.range();
  if (table) builder.format(PromQueryFormat.Table);
  return legend === undefined ? builder : builder.legendFormat(legend);
}

/** Query model of the ClickHouse data source plugin, which the SDK has no builder for. */
interface ClickHouseQuery extends Dataquery {
  readonly refId: string;
  readonly datasource: typeof CLICKHOUSE;
  readonly editorType: 'sql';
  readonly rawSql: string;
  /** 0: time series, 1: table. */
  readonly format: 0 | 1;
  readonly queryType: 'timeseries' | 'table';
  readonly pluginVersion: string;
}

function sqlTarget({ sql, overTime = false }: SqlQuery, refId: string): Builder<Dataquery> {
  const query: ClickHouseQuery = {
    _implementsDataqueryVariant: () => undefined,
    refId,
    datasource: CLICKHOUSE,
    editorType: 'sql',
    rawSql: unindent(sql),
    format: overTime ? 0 : 1,
    queryType: overTime ? 'timeseries' : 'table',
    pluginVersion: '4.0.0',
  };
  return { build: () => query };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Without the indentation that the SQL has in the source. */
function unindent(text: string): string {
  const lines = text.replace(/^\n|\s+$/g, '').split('\n');
  const indents = lines.filter((line) => line.trim() !== '').map((line) => /^ */.exec(line)![0].length);
  const least = Math.min(...indents);
  return lines.map((line) => line.slice(least)).join('\n');
}
