// The row of people who watch a build: others, the newest at the left end, so that nobody
// moves when somebody comes; then the reader, whose name is a click away from another.

import type { Identity } from '../identity';
import type { Watcher } from '../watchers';
import { Avatar, Hues } from './avatar';
import { el, setAttribute, setText } from './dom';
import { count } from './format';
import { PeopleCard } from './peoplecard';

/** Circles in the row, the reader's and the '+n' included. */
const MOST = 8;
const MOST_ON_A_PHONE = 4;

export class PeopleRow {
  readonly element = el('div.people', { role: 'group', hidden: '' });
  private readonly row = el('ul.people-others', { 'aria-label': 'Also watching this build' });
  private readonly more = el('li.avatar.people-more');
  private readonly myName = el('span.people-name');
  private readonly myAvatar = new Avatar();
  private readonly me = el('button.people-me', { type: 'button', 'aria-haspopup': 'dialog', 'aria-expanded': 'false' });
  private readonly card: PeopleCard;
  private readonly places = new Map<string, Place>();
  private readonly hues = new Hues();
  private readonly phone = matchMedia('(max-width: 640px)');
  private readonly resized = () => this.draw();
  private shown: readonly Watcher[] = [];
  /** Those who come now, before the reader's eyes. */
  private arriving = new Set<string>();

  constructor(identity: Identity) {
    this.card = new PeopleCard(identity, this.hues, {
      opened: (open) => this.me.setAttribute('aria-expanded', String(open)),
      home: this.me,
    });
    this.me.append(this.myAvatar.element, this.myName, el('span.people-you', {}, 'you'));
    this.me.addEventListener('click', () => this.card.toggle());
    this.row.addEventListener('click', () => this.card.toggle());
    this.element.append(this.row, this.me, this.card.element);
    this.phone.addEventListener('change', this.resized);
  }

  close(): void {
    this.phone.removeEventListener('change', this.resized);
    this.card.close();
  }

  /** undefined hides the row. */
  set(all: readonly Watcher[] | undefined): void {
    this.element.hidden = all === undefined;
    if (!all) this.card.close();
    const before = new Set(this.shown.map(({ id }) => id));
    this.shown = all ?? [];
    const fresh = before.size === 0 ? [] : this.shown.filter(({ id }) => !before.has(id));
    this.arriving = new Set(fresh.map(({ id }) => id));
    this.draw();
    this.arriving.clear();
  }

  private draw(): void {
    const me = this.shown.find((watcher) => watcher.you);
    if (me) this.drawMe(me);
    const others = this.shown.filter((watcher) => !watcher.you);
    const room = (this.phone.matches ? MOST_ON_A_PHONE : MOST) - 1;
    const folded = others.length > room ? others.splice(room - 1) : [];
    this.drawOthers(others);
    this.drawMore(folded);
    this.row.hidden = others.length === 0;
    setAttribute(this.element, 'aria-label', `${count(this.present().length, 'person', 'people')} watching this build`);
    this.card.set(this.present());
  }

  private present(): Watcher[] {
    return this.shown.filter((watcher) => !watcher.leaving);
  }

  private drawMe({ id, name }: Watcher): void {
    this.myAvatar.set(this.hues.of(id), name);
    setText(this.myName, name);
    setAttribute(this.me, 'title', `${name} (you). Click to change your name`);
    setAttribute(this.me, 'aria-label', `${name}, you. Change your name`);
  }

  private drawOthers(others: readonly Watcher[]): void {
    const wanted = new Set(others.map(({ id }) => id));
    for (const [id, place] of this.places) {
      if (wanted.has(id)) continue;
      place.element.remove();
      this.places.delete(id);
    }
    others.forEach((watcher, at) => {
      const place = this.places.get(watcher.id) ?? new Place(this.arriving.has(watcher.id));
      this.places.set(watcher.id, place);
      place.set(watcher, this.hues.of(watcher.id));
      // A node that is moved plays its entrance again.
      if (this.row.children[at] !== place.element) this.row.insertBefore(place.element, this.row.children[at] ?? null);
    });
  }

  private drawMore(folded: readonly Watcher[]): void {
    if (folded.length === 0) return this.more.remove();
    setText(this.more, `+${folded.length}`);
    setAttribute(this.more, 'title', folded.map(({ name }) => name).join('\n'));
    if (this.row.lastChild !== this.more) this.row.append(this.more);
  }
}

/** One of the others. */
class Place {
  readonly element = el('li.people-one');
  private readonly avatar = new Avatar();
  private readonly name = el('span.unseen');

  constructor(arrives: boolean) {
    this.element.setAttribute('data-arrives', String(arrives));
    this.element.append(this.avatar.element, this.name);
  }

  set({ name, leaving }: Watcher, hue: number): void {
    this.avatar.set(hue, name);
    setText(this.name, name);
    setAttribute(this.element, 'title', name);
    setAttribute(this.element, 'data-leaving', String(leaving));
  }
}
