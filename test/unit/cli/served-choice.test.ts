import { isServedUrl, parseServedUrl } from '../../../src/cli/served-choice.ts';
import { runCommandLine } from '../../../src/cli/program.ts';
import { memoryHost } from './host.ts';

test.each([
  ['http://host:8501/v1/models/digits', { url: 'http://host:8501', model: 'digits' }],
  ['https://host/v1/models/digits/versions/12', { url: 'https://host', model: 'digits', version: '12' }],
  ['http://host:8501/v1/models/digits:predict', { url: 'http://host:8501', model: 'digits' }],
  ['http://host/gateway/v1/models/a%20b/', { url: 'http://host/gateway', model: 'a b' }],
])('%s', (url, expected) => {
  expect(isServedUrl(url)).toBe(true);
  expect(parseServedUrl(url)).toEqual(expected);
});

test.each(['http://host:8501', 'http://host/v1/models/', 'http://host/v2/models/digits', 'http://'])(
  '%s is no served model, and the form is shown',
  (url) => {
    expect(() => parseServedUrl(url)).toThrow('expected a served model as http://HOST:PORT/v1/models/NAME');
  },
);

test.each(['models/digits/3', 'digits@2', 'http-model'])('%s is no URL', (named) => {
  expect(isServedUrl(named)).toBe(false);
});

describe('evaluate with a URL', () => {
  const evaluate = async (...argv: string[]): Promise<{ code: number; err: string }> => {
    const host = memoryHost();
    // Nobody listens there, and nobody is asked before mistakes are told.
    const url = 'http://127.0.0.1:9/v1/models/digits';
    const common = ['evaluate', '-m', url, '-d', 'mnist:test', '-n', '2', '-e', '0.3'];
    return { code: await runCommandLine([...common, ...argv], host), err: host.stderr.text() };
  };

  test('names the attacks that need gradients, those of suites too', async () => {
    const { code, err } = await evaluate('-a', 'pgd-40,square-100,autoattack-standard');
    expect(code).toBe(2);
    expect(err).toContain('TEMPER_ATTACK_ACCESS');
    expect(err.replaceAll(/\s+/g, ' ')).toMatch(
      /alone, and apgd-ce, .*pgd-40 need gradients: choose attacks on scores, e\.g\. square-1000/,
    );
    expect(err).not.toContain('square-100,');
  });

  test.each(['--certify', '--masking'])('refuses %s', async (flag) => {
    const { code, err } = await evaluate(flag, '-a', 'square-100');
    expect(code).toBe(2);
    expect(err).toContain(`${flag} needs the model's files`);
  });

  test('says with exit code 3 that nobody answers', async () => {
    const { code, err } = await evaluate();
    expect(code).toBe(3);
    expect(err).toContain('TEMPER_TARGET_UNREACHABLE');
  }, 30_000);
});
