import { expect, test } from 'vitest';
import { pretty, visible } from './visible';

test.each([
  ['alice', 'alice'],
  ['<script>alert(1)</script>', '<script>alert(1)</script>'],
  ['evil\u202egnp.exe', 'evil\\u202egnp.exe'],
  ['two\nlines\u2028more', 'two\\u000alines\\u2028more'],
  ['half \ud800', 'half \\ud800'],
  ['tag \u{e0041}', 'tag \\udb40\\udc41'],
  ['filler \u3164', 'filler \\u3164'],
  ['selector \ufe00', 'selector \\ufe00'],
  ['👩‍💻 שלום', '👩‍💻 שלום'],
  ['😀'.repeat(81), `${'😀'.repeat(80)}…`],
  ['x'.repeat(80), 'x'.repeat(80)],
])('%j is shown as %j', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

test('a megabyte is cut', () => {
  expect(visible('\u202e'.repeat(1 << 20))).toHaveLength(80 * 6 + 1);
});

test('JSON that is shown means the same, and hides nothing', () => {
  const value = { name: 'a\u202eb\u2066\n\u0000\ud800\u{e0041}', list: [1, { deep: true }] };
  expect(JSON.parse(pretty(value))).toEqual(value);
  expect(pretty(value)).toContain('a\\u202eb\\u2066\\n\\u0000');
});
