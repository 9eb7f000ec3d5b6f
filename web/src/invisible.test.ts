import { expect, test } from 'vitest';
import { INVISIBLE, named, plain } from './invisible';

const shown = (text: string) => text.replace(INVISIBLE, named);

// As Unicode lists them: what is ignored when it is shown, and what else has no shape.
const HIDING = [
  [0xad, 0xad], [0x34f, 0x34f], [0x61c, 0x61c], [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f], [0x200b, 0x200b],
  [0x200e, 0x200f], [0x2028, 0x202e], [0x2060, 0x206f], [0x3164, 0x3164], [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xffa0, 0xffa0],
  [0xfff0, 0xfffb], [0x13430, 0x1343f], [0x1bca0, 0x1bca3], [0x1d173, 0x1d17a], [0xe0000, 0xe0fff],
] as const; // prettier-ignore

test('all that hides is known, and nothing else', () => {
  const found: number[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (plain(String.fromCodePoint(code)) === '') found.push(code);
  }
  expect(found).toEqual(HIDING.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)));
});

test.each([
  ['letters and emoji keep their joiners', '👩‍💻 می‌خواهم', '👩‍💻 می‌خواهم'],
  ['an emoji may be said to be one', '❤\ufe0f ⚠\ufe0f 👩🏽‍⚕\ufe0f 1\ufe0f\u20e3', '❤\ufe0f ⚠\ufe0f 👩🏽‍⚕\ufe0f 1\ufe0f\u20e3'],
  ['but once', '❤\ufe0f\ufe0f', '❤\ufe0fU+FE0F'],
  ['letters and digits may not', 'a\ufe0f 1\ufe0f0', 'aU+FE0F 1U+FE0F0'],
  ['nor is there another sign behind one', '❤\ufe0e😀\ufe00', '❤U+FE0E😀U+FE00'],
  ['bytes hidden in selectors', 'ok\u{e0161}\u{e0162}', 'okU+E0161U+E0162'],
  ['fillers that look like blanks', '\u3164\u115f\u1160\uffa0', 'U+3164U+115FU+1160U+FFA0'],
  ['signs of Arabic and Syriac are seen', '\u0600\u0661 \u06dd \u070f', '\u0600\u0661 \u06dd \u070f'],
])('%s', (_, text, want) => {
  expect(shown(text)).toBe(want);
});
