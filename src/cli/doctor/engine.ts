import { toError } from '../../domain/errors.ts';
import { bad, ok } from './finding.ts';
import type { MachineCheck } from './finding.ts';

/** Which compute engine runs, and why. */
export const checkEngine: MachineCheck = async (run) => {
  const { chooseEngine } = await import('../../engine/choose.ts');
  try {
    const { name, reason } = await chooseEngine({ forced: run.host.env['TEMPER_ENGINE'] });
    const finding = `${name}: ${reason}`;
    const isForced = (run.host.env['TEMPER_ENGINE'] ?? '') !== '';
    if (name === 'tensorflow' || isForced) return [ok('engine', finding)];
    return [
      bad('engine', 'warn', { finding, fix: 'it works; `npm run native` makes it several times faster' }),
    ];
  } catch (caught) {
    const fix = 'unset TEMPER_ENGINE, or build the native engine with `npm run native`';
    return [bad('engine', 'fail', { finding: toError(caught).message, fix })];
  }
};
