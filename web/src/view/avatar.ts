// A person as a coloured circle with initials. The colour is always the same for a person.

import { initials } from '../names';
import { el, setText } from './dom';

/** Those between would be mud. */
const HUES: readonly number[] = [12, 36, 62, 135, 160, 190, 222, 252, 280, 306, 334];

/** Decorative: the name has to stand beside it, or be said in another way. */
export class Avatar {
  readonly element = el('span.avatar', { 'aria-hidden': 'true' });

  set(id: string, name: string): void {
    this.element.style.setProperty('--hue', String(hue(id)));
    setText(this.element, initials(name));
  }
}

/** The hue of a person, in degrees. */
export function hue(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  return HUES[((hash ^ (hash >>> 15)) >>> 0) % HUES.length]!;
}
