import fc from 'fast-check';

import { escapeHtml, html } from '../../../src/reports/html.ts';

test('text is escaped, markup and lists of it are not, absent values are nothing', () => {
  const items = ['a<b', 'c"d'].map((text) => html`<li>${text}</li>`);
  const list = html`<ul title="${'"x'}">
    ${items}${undefined}${false}${0}
  </ul>`;
  const expected = '<ul title="&quot;x"><li>a&lt;b</li><li>c&quot;d</li>0</ul>';
  // The formatter may break lines between tags of a template; browsers do not care, and neither does this.
  expect(list.markup.replace(/\s*\n\s*/g, '')).toBe(expected);
});

test('no text can open a tag, close an attribute or begin an entity', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
    }),
  );
});
