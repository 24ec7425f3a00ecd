import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

/** Argument parsers: each says what it expected. Commander puts the option's name before the message. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value;
    const bound = maximum === Number.MAX_SAFE_INTEGER ? `at least ${minimum}` : `${minimum} to ${maximum}`;
    throw new InvalidArgumentError(`Expected a whole number, ${bound}.`);
  };
}

export function positive(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** A number in the open interval (0, 1). */
export function share(text: string): number {
  const value = positive(text);
  if (value < 1) return value;
  throw new InvalidArgumentError('Expected a number between 0 and 1.');
}

/** `low,high`. */
export function range(text: string): readonly [number, number] {
  const [low = NaN, high = NaN, ...rest] = text
    .split(',')
    .map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (rest.length === 0 && low < high && Number.isFinite(low) && Number.isFinite(high)) return [low, high];
  throw new InvalidArgumentError('Expected two numbers, the lower first, e.g. 0,1.');
}

/** `a,b,c` to its parts; empty parts are mistakes. */
export function list(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every((part) => part !== '')) return parts;
  throw new InvalidArgumentError('Expected names separated by commas.');
}

/** For options that may be repeated. */
export function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

/** What binds the adversary beyond norm and epsilon; `cli/adversary.ts` reads it. */
export function addAdversaryOptions(command: Command): Command {
  return command
    .option('--range <low,high>', 'valid range of every input value (default: 0,1)', range)
    .option(
      '--criterion <what>',
      'what counts as success: misclassified, targeted:<class>, top-k:<k>, or a YAML file (default: misclassified)',
    )
    .option(
      '--reject <when>',
      'the model abstains below this confidence, or with class:<k>; abstained answers are no success',
    )
    .option(
      '--constraints <file>',
      'YAML file with what else binds the adversary, by feature; see docs/attacks.md',
    )
    .option(
      '--defence <names>',
      'preprocessing in front of the model, e.g. bits:3,median:3,jpeg:75; attacks go through it (BPDA)',
      list,
    );
}

/** Examples at the end of a command's help. */
export function addExamples(
  command: Command,
  examples: readonly (readonly [command: string, meaning: string])[],
): Command {
  const lines = examples.flatMap(([line, meaning]) => [`  # ${meaning}`, `  $ ${line}`]);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
