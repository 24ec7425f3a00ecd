import type { Recipe } from '../../domain/recipe.ts';
import type { AttackPerExample } from '../result.ts';
import { attackRows } from '../shards.ts';
import type { Run } from '../stage.ts';

/**
 * Which of some examples withstand all of some recipes, each by itself: 1 where none breaks the example. What is known
 * already is not run again, and what one recipe has broken is not given to the next.
 *
 * @param known what recipes did before, by name
 * @returns flags of `rows`, in their order
 */
export async function survivorsOf(
  { subject, examples }: Run,
  {
    recipes,
    rows,
    known = [],
  }: { recipes: readonly Recipe[]; rows: readonly number[]; known?: readonly AttackPerExample[] },
): Promise<Uint8Array> {
  const { pool, model, threat, seed } = subject;
  const standing = new Set(rows);
  const dropBroken = ({ survives }: AttackPerExample, attacked: readonly number[]): void => {
    for (const row of attacked) if (survives[row] === 0) standing.delete(row);
  };
  for (const recipe of recipes) {
    const before = known.find((found) => found.recipe === recipe.name);
    const [old, fresh] = split([...standing], (row) => before?.attacked[row] === 1);
    if (before !== undefined) dropBroken(before, old);
    if (fresh.length === 0) continue;
    const found = await attackRows({
      pool,
      model,
      examples,
      rows: fresh,
      attack: { recipe, threat, seed, stopsAtFirstSuccess: true },
      survivesBefore: examples.cleanCorrect,
      onRows: () => undefined,
    });
    dropBroken(found, fresh);
  }
  return Uint8Array.from(rows, (row) => Number(standing.has(row)));
}

function split(rows: readonly number[], isFirst: (row: number) => boolean): [number[], number[]] {
  return [rows.filter(isFirst), rows.filter((row) => !isFirst(row))];
}
