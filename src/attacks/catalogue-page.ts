import { z } from 'zod';
import type { AttackDefinition } from './attack.ts';
import { CATALOGUE } from './catalogue.ts';
import { DEFENCES } from './defences.ts';
import { PRESET_FORMS } from './presets.ts';

/** The reference of the catalogue as Markdown, as docs/attacks.md has it: `temper attack --list --markdown`. */
export function cataloguePage(): string {
  const parts = [
    '## Catalogue',
    ...CATALOGUE.map(attackSection),
    '## Ready-made recipes',
    PRESET_FORMS.map((form) => `- \`${form}\``).join('\n'),
    '## Declared defences',
    DEFENCES.map(({ form, summary }) => `- \`${form}\`: ${summary}`).join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

function attackSection({
  name,
  summary,
  access,
  norms,
  kind,
  limits,
  threatClass,
  parameters,
}: AttackDefinition): string {
  const where = limits === 'own' ? 'limits of its own' : norms.join(', ');
  const facts = [
    `- Needs: ${access}`,
    `- Norms: ${where}`,
    `- Kind: ${kind}`,
    `- Class: ${threatClass}`,
    ...parametersOf(parameters),
  ];
  return [`### ${name}`, summary, facts.join('\n')].join('\n\n');
}

/** One line each, from the descriptions of the schema. */
function parametersOf(schema: z.ZodType): string[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([key, property]) => {
    const description = typeof property === 'object' ? (property.description ?? '') : '';
    return `- \`${key}\`${required.includes(key) ? ' (required)' : ''}: ${description}`;
  });
}
