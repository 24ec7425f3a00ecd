import { prometheusTools, runPromtool, type PrometheusTools } from '../support/prometheus.ts';

let tools: PrometheusTools;

beforeAll(() => {
  tools = prometheusTools();
}, 900_000);

test('Prometheus takes the alert rules', () => {
  const { status, output } = runPromtool(tools, 'check', 'rules', 'dashboards/alerts.yaml');
  expect(output).toMatch(/SUCCESS: \d+ rules found/);
  expect(status).toBe(0);
});

test('every rule fires where it should, with every word of it, and is quiet where it should be', () => {
  const { status, output } = runPromtool(tools, 'test', 'rules', 'dashboards/alerts.test.yaml');
  expect(output).toContain('SUCCESS');
  expect(status).toBe(0);
});
