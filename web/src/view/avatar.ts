// A person as a coloured circle with initials.

import { initials } from '../names';
import { el, setText } from './dom';

/** Decorative: the name has to stand beside it, or be said in another way. */
export class Avatar {
  readonly element = el('span.avatar', { 'aria-hidden': 'true' });

  set(hue: number, name: string): void {
    this.element.style.setProperty('--hue', String(hue));
    setText(this.element, initials(name));
  }
}

/** In degrees, and as far apart as can be; those between would be mud. */
const HUES: readonly number[] = [252, 36, 160, 306, 12, 190, 62, 280, 135, 334, 222];

/** Which colour people have: mostly the same one everywhere, and no two the same one here. */
export class Hues {
  private readonly given = new Map<string, number>();
  private readonly uses = HUES.map(() => 0);

  of(id: string): number {
    let index = this.given.get(id);
    if (index === undefined) {
      index = this.leastUsed(hash(id) % HUES.length);
      this.given.set(id, index);
      this.uses[index]!++;
    }
    return HUES[index]!;
  }

  private leastUsed(from: number): number {
    const least = Math.min(...this.uses);
    let index = from;
    while (this.uses[index] !== least) index = (index + 1) % HUES.length;
    return index;
  }
}

function hash(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
