// How many columns a text takes in a fixed-width font.

import { INVISIBLE } from '../invisible';

const TAB = 8;
const ZERO = /[\p{Mn}\p{Me}\u200c\u200d]/u;
/** What is invisible is shown by its name, such as U+202E, in smaller letters: as wide as this. */
const NAME = 'U+XXXX';

/** Columns of a text; exact for ASCII and tabs, close for the rest. */
export function columns(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let n = 0;
  for (const char of text.replace(INVISIBLE, NAME)) {
    n += char === '\t' ? TAB - (n % TAB) : charColumns(char);
  }
  return n;
}

function charColumns(char: string): number {
  const code = char.codePointAt(0)!;
  if (code < 0x300) return 1;
  if (ZERO.test(char)) return 0;
  return isWide(code) ? 2 : 1;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
