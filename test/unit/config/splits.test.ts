import { parseConfig } from '../../../src/config/load.ts';
import type { AppError } from '../../../src/domain/errors.ts';

const HEAD = `model: { name: digits, inputShape: [28, 28, 1], classes: 10 }
served: { url: 'http://localhost:8501' }
stream: { files: [{ path: a.jsonl }], sampling: { key: { env: KEY } } }
threatModel: { epsilon: 0.3 }
`;

function mistakesOf(data: string): unknown {
  try {
    parseConfig(`${HEAD}harden: { data: ${data} }\n`, {
      file: 'temper.yaml',
      folder: '/',
      env: { KEY: 'k' },
    });
  } catch (caught) {
    return (caught as AppError).details['mistakes'];
  }
  return [];
}

test('a split that decides must not be trained on, a default counts too', () => {
  expect(mistakesOf('{ gate: mnist:train }')).toMatchObject([
    {
      path: 'harden.data.gate',
      line: 5,
      expected: 'a split that no other stage sees, harden.data.train is the same',
      got: '"mnist:train"',
    },
  ]);
  expect(mistakesOf('{ validation: mnist:gate }')).toMatchObject([{ path: 'harden.data.gate' }]);
});

test('every stage that shares one is named', () => {
  expect(mistakesOf('{ train: "file:a", validation: "file:a", baseline: "file:a" }')).toMatchObject([
    { path: 'harden.data.validation' },
    { path: 'harden.data.baseline' },
  ]);
});

test('splits of their own are in order', () => {
  expect(mistakesOf('{ train: "file:a", gate: "file:b" }')).toEqual([]);
  expect(mistakesOf('{}')).toEqual([]);
});
