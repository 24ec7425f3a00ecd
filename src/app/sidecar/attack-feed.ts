import type { ReleaseStack } from '../../domain/lifecycle.ts';
import { recipeId, type Recipe } from '../../domain/recipe.ts';
import { chooseAttacks } from '../../evaluation/suites.ts';
import { createFeed, isSuited, readKeys, type Feed } from '../../probing/feed.ts';
import type { Services } from '../compose.ts';
import { startPeriodic } from './periodic.ts';

export interface AttackFeed extends Pick<Feed, 'entries'> {
  /** What explorers try: the recipes of the configuration and those of the feed, of two alike one. */
  rotation(): readonly Recipe[];
}

/**
 * Watches the feed of the configuration.
 * @throws {AppError} TEMPER_RECIPES_INVALID for a key that cannot be read | TEMPER_ATTACK_UNKNOWN for a name that is no recipe
 */
export async function startAttackFeed(
  { config, threat, book, clock, logger }: Services,
  releases: ReleaseStack,
): Promise<AttackFeed> {
  const { directory, urls, everySeconds, keys } = config.attacks.feed;
  const { recipes: names } = config.probing.explorers;
  const { suites, recipes } = chooseAttacks(
    names,
    { norm: threat.norm, classes: config.model.classes },
    book,
  );
  const own = [...suites.flatMap((suite) => suite.recipes), ...recipes].filter((recipe) =>
    isSuited(recipe, threat),
  );
  const feed = createFeed({ directory, urls, keys: await readKeys(keys), threat, clock, logger });
  if (directory !== undefined || urls.length > 0)
    releases.adopt(
      'attack feed',
      startPeriodic(() => feed.look(), 1000 * everySeconds),
    );
  return {
    entries: () => feed.entries(),
    rotation: () => [
      ...new Map([...own, ...feed.rotation()].map((recipe) => [recipeId(recipe), recipe])).values(),
    ],
  };
}
