// All who watch a build, by name, in a card that opens below their row. The reader's own
// name is a field there.

import type { Identity } from '../identity';
import { MAX_NAME, randomName } from '../names';
import type { Watcher } from '../watchers';
import { Avatar } from './avatar';
import type { Hues } from './avatar';
import { button, el, setText } from './dom';
import { icon } from './icons';

interface CardEvents {
  opened(open: boolean): void;
  /** Gets the focus when the card is closed by a key. */
  readonly home: HTMLElement;
}

export class PeopleCard {
  readonly element = el('div.people-card', { role: 'dialog', 'aria-label': 'Who is watching this build', hidden: '' });
  private readonly number = el('span.people-number');
  private readonly others = el('ul.people-list', { 'aria-label': 'Others' });
  private readonly avatar = new Avatar();
  private readonly field = el('input.people-field', {
    type: 'text',
    maxlength: String(MAX_NAME),
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': 'Your name',
  });
  /** A key that closes the card is down. */
  private ending = false;
  private readonly outside = (event: Event) => this.leftFor(event.target);

  constructor(
    private readonly identity: Identity,
    private readonly hues: Hues,
    private readonly events: CardEvents,
  ) {
    const another = button('Another name', [icon('shuffle')], () => this.suggest());
    this.element.append(
      el('div.people-head', {}, 'Watching this build', this.number),
      el('div.people-self', {}, this.avatar.element, this.field, el('span.people-you', {}, 'you'), another),
      this.others,
      el('p.people-hint', {}, 'Everybody who watches sees your name. It is kept in this browser.'),
    );
    this.field.addEventListener('change', () => this.identity.rename(this.field.value));
    for (const type of ['keydown', 'keyup'] as const) this.element.addEventListener(type, (event) => this.key(event));
    this.element.addEventListener('focusout', (event) => event.relatedTarget && this.leftFor(event.relatedTarget));
  }

  toggle(): void {
    if (!this.element.hidden) return this.close();
    this.field.value = this.identity.me.name;
    this.element.hidden = false;
    this.events.opened(true);
    document.addEventListener('pointerdown', this.outside);
    this.field.focus();
    this.field.select();
  }

  /** Keeps the name that was typed. */
  close(): void {
    if (this.element.hidden) return;
    this.identity.rename(this.field.value);
    this.element.hidden = true;
    this.events.opened(false);
    document.removeEventListener('pointerdown', this.outside);
  }

  set(present: readonly Watcher[]): void {
    const me = this.identity.me;
    this.avatar.set(this.hues.of(me.id), me.name);
    if (document.activeElement !== this.field) this.field.value = me.name;
    setText(this.number, String(present.length));
    const others = present.filter((watcher) => !watcher.you);
    this.others.hidden = others.length === 0;
    this.others.replaceChildren(...others.map(({ id, name }) => entry(this.hues.of(id), name)));
  }

  private leftFor(place: EventTarget | null): void {
    const row = this.element.parentElement;
    if (!(place instanceof Node && row?.contains(place))) this.close();
  }

  private suggest(): void {
    this.field.value = randomName();
    this.identity.rename(this.field.value);
  }

  /**
   * The page's own keys rest while the card has the focus. It is closed when a key comes
   * up: one that goes down would then press what gets the focus.
   */
  private key(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.type === 'keydown') {
      const ends = event.key === 'Escape' || (event.key === 'Enter' && event.target === this.field);
      this.ending = ends && !event.isComposing;
      return;
    }
    if (!this.ending) return;
    this.ending = false;
    if (event.key === 'Escape') this.field.value = this.identity.me.name;
    this.close();
    this.events.home.focus();
  }
}

function entry(hue: number, name: string): HTMLElement {
  const avatar = new Avatar();
  avatar.set(hue, name);
  return el('li.people-entry', {}, avatar.element, el('span.people-name', { title: name }, name));
}
