// Text of others, made so that it cannot pretend to be something else: what has no
// shape of its own, or turns the direction of what follows, is shown as its number.

import { INVISIBLE } from '../invisible';

/** Control characters and halves of characters too. */
const SHAPELESS = new RegExp(`${INVISIBLE.source}|[\\p{Cc}\\p{Cs}]`, 'gu');

/** A name or id on one line, at most `most` characters of it. */
export function visible(text: string, most = 80): string {
  const start = Array.from(text.slice(0, 2 * most + 2));
  const cut = start.length > most ? `${start.slice(0, most).join('')}…` : start.join('');
  return cut.replace(SHAPELESS, numbered);
}

/** A value as JSON that says the same as it did, over several lines. */
export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(SHAPELESS, (character) => (character === '\n' ? character : numbered(character)));
}

/** As JSON writes it: one number for each half of a character beyond 16 bits. */
function numbered(character: string): string {
  return character
    .split('')
    .map((half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
