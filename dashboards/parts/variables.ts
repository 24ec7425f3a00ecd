import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PROCESS, PROMETHEUS } from './queries.ts';

/** The data source of metrics, and what narrows them down: each from what is there in the time that is shown. */
export function metricVariables(): Builder<VariableModel>[] {
  return [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    choice('job', 'Job', 'label_values(temper_build_info, job)'),
    choice('instance', 'Instance', 'label_values(temper_build_info{job=~"$job"}, instance)'),
    choice('model', 'Model', `label_values(temper_verdict{${PROCESS}}, model)`),
  ];
}

/** The data source of facts, and the database that the tables are in. */
export function factVariables(): Builder<VariableModel>[] {
  return [
    new DatasourceVariableBuilder('clickhouse').label('ClickHouse').type('grafana-clickhouse-datasource'),
    new TextBoxVariableBuilder('database').label('Database').defaultValue('temper'),
  ];
}

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .query(query)
    .datasource(PROMETHEUS)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ text: 'All', value: '$__all' });
}
