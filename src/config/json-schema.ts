import { rootNodeOf } from './load-sections.ts';
import type { SchemaNode } from './schema-tree.ts';
import { SECTION_SET } from './sections.ts';

/** JSON Schema (draft 2020-12) of temper.yaml, for editors and for other programs. */
export function configJsonSchema(): SchemaNode & { readonly $schema: string; readonly title: string } {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'temper.yaml',
    description: 'Configuration of Temper.',
    ...rootNodeOf(SECTION_SET),
  };
}
