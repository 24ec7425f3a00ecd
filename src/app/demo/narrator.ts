import type { StatusReport } from '../../http/status-port.ts';
import type { TrainingProgress } from '../../training/train.ts';

/** Tells the demo as it happens. */
export interface Narrator {
  act(title: string): void;
  say(sentence: string): void;
  /** One line of the live table: what the sidecar shows after a block. */
  row(status: StatusReport): void;
  alarms(status: StatusReport): void;
  stage(name: string): void;
  training(label: string): (progress: TrainingProgress) => void;
  evaluation(
    label: string,
  ): (progress: { readonly stage: string; readonly done: number; readonly total: number }) => void;
}

export interface NarratorOutput {
  line(text: string): void;
  progress(
    label: string,
    total: number,
  ): { update(done: number, note?: string): void; end(note?: string): void };
}

/** A narrator that writes lines of text, with bars for long work. */
export function createNarrator(output: NarratorOutput): Narrator {
  let rows = 0;
  return {
    act(title) {
      output.line('');
      output.line(title);
      rows = 0;
    },
    say: (sentence) => output.line(`  ${sentence}`),
    row(status) {
      if (rows++ === 0) output.line(HEADER);
      output.line(rowOf(status));
    },
    alarms({ alarms }) {
      for (const alarm of alarms.filter(({ status }) => status === 'firing')) {
        const { monitor, cause = 'unknown', risk, samplesSinceChange } = alarm;
        output.line(
          `  ALARM ${monitor}, cause ${cause}: risk ${show(risk.value)} [${show(risk.lower)}, ${show(risk.upper)}], ${samplesSinceChange} samples after the version began to serve`,
        );
      }
    },
    stage: (name) => output.line(`    stage ${name}`),
    training: (label) =>
      barOver(output, label, ({ step, steps, loss }: TrainingProgress) => [
        step,
        steps,
        `loss ${show(loss)}`,
      ]),
    evaluation: (label) =>
      barOver(output, `evaluating ${label}`, ({ done, total, stage }) => [done, total, stage]),
  };
}

const HEADER = '    events  samples  version  verdict            risk [99 % interval]     baseline';

function rowOf({ ingest, foldsInAll, model, verdict, sentinels }: StatusReport): string {
  const risk = sentinels[0]?.risk;
  const interval =
    risk === undefined ? '-' : `${show(risk.value)} [${show(risk.lower)}, ${show(risk.upper)}]`;
  const upper = sentinels[0]?.baseline?.upper;
  const cells = [
    String(ingest.counts.sampled + ingest.counts.skipped + ingest.counts.label).padStart(8),
    String(foldsInAll).padStart(7),
    `v${model.servedVersion ?? '?'}`.padStart(7),
    verdict.kind.padEnd(17),
    interval.padEnd(23),
    upper === undefined ? '-' : `≤ ${show(upper)}`,
  ];
  return `  ${cells.join('  ')}`;
}

function barOver<P>(
  output: NarratorOutput,
  label: string,
  read: (progress: P) => readonly [done: number, total: number, note: string],
): (progress: P) => void {
  let bar: ReturnType<NarratorOutput['progress']> | undefined;
  return (progress) => {
    const [done, total, note] = read(progress);
    bar ??= output.progress(label, total);
    bar.update(done, note);
    if (done >= total) bar.end(note);
  };
}

function show(value: number): string {
  return value.toFixed(2);
}
