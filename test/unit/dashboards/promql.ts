import { createRequire } from 'node:module';
import type { LRParser } from '@lezer/lr';

// Its types say that it is a module of the other kind, but it is both.
const { parser } = createRequire(__filename)('@prometheus-io/lezer-promql') as { parser: LRParser };

export interface Selector {
  readonly metric: string;
  /** Matchers as they are written: `job=~"$job"`. */
  readonly matchers: readonly string[];
  /** Name of the function or aggregation directly around it, if any. */
  readonly around: readonly string[];
}

export interface Parsed {
  /** Places that are not PromQL. */
  readonly errors: readonly string[];
  readonly selectors: readonly Selector[];
}

/** Parses an expression by Prometheus' own grammar, and lists the metrics it selects. */
export function parsePromql(expr: string): Parsed {
  const errors: string[] = [];
  const selectors: Selector[] = [];
  const tree = parser.parse(expr);
  tree.iterate({
    enter(node) {
      if (node.type.isError) errors.push(expr.slice(Math.max(0, node.from - 10), node.to + 20));
      if (node.name !== 'VectorSelector') return;
      const metric = node.node.getChild('Identifier');
      const matchers: string[] = [];
      node.node.cursor().iterate((inner) => {
        if (/^(Unquoted|Quoted)?LabelMatcher$/.test(inner.name))
          matchers.push(expr.slice(inner.from, inner.to));
      });
      const around: string[] = [];
      for (let up = node.node.parent; up !== null; up = up.parent) {
        const name = up.getChild('FunctionIdentifier') ?? up.getChild('AggregateOp');
        if (name !== null) around.push(expr.slice(name.from, name.to));
      }
      selectors.push({ metric: metric === null ? '' : expr.slice(metric.from, metric.to), matchers, around });
    },
  });
  return { errors, selectors };
}
