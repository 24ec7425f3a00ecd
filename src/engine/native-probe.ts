/** Run in a child process by `chooseEngine`: exits 0 only if tfjs-node loads and a convolution's gradients are right. */
import { toError } from '../domain/errors.ts';
import { startBackend } from './backend.ts';
import { checkGradients } from './check-gradients.ts';

startBackend('tensorflow')
  .then(checkGradients)
  .then(
    () => process.exit(0),
    (caught: unknown) => {
      // One line: chooseEngine quotes it.
      process.stderr.write(toError(caught).message.split('\n').join(' '));
      process.exit(1);
    },
  );
