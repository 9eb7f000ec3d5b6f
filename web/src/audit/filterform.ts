// The form that says which records are wanted.

import { el } from '../view/dom';
import { suggestions } from './actions';
import { EVERYDAY, local, utc } from './filter';
import type { Filter, Range } from './filter';
import { textButton } from './page';

const RANGES: readonly (readonly [Range, string])[] = [
  ['1h', 'Last hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
  ['all', 'All'],
  ['custom', 'From – to'],
];
/** More the server does not take. */
const LONGEST = '512';

export class FilterForm {
  readonly element = el('form.filter', { role: 'search', 'aria-label': 'Which records' });
  private readonly ranges = new Map<Range, HTMLButtonElement>();
  private readonly since = input('datetime-local', { step: '1' });
  private readonly until = input('datetime-local', { step: '1' });
  private readonly action = input('text', { list: 'actions', placeholder: 'relay.subscription.*', inputmode: 'url' });
  private readonly actor = input('text', { placeholder: 'id' });
  private readonly target = input('text', { placeholder: 'id' });
  private readonly times = el('div.filter-times', {}, field('From', this.since), field('To', this.until));
  private range: Range = EVERYDAY.range;

  /** `wanted` is called with each filter that the reader asks for. */
  constructor(private readonly wanted: (filter: Filter) => void) {
    const actions = el('datalist', { id: 'actions' }, ...suggestions().map((value) => el('option', { value })));
    this.element.append(
      el('div.filter-ranges', { role: 'group', 'aria-label': 'Time' }, ...RANGES.map(([range, name]) => this.choice(range, name))),
      this.times,
      el('div.filter-texts', {}, field('Action', this.action), field('Actor', this.actor), field('Target', this.target)),
      el('div.filter-end', {}, el('button.button.filter-apply', { type: 'submit' }, 'Apply'), textButton('Clear', () => this.ask(EVERYDAY))),
      actions,
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.ask(this.filter());
    });
  }

  show(filter: Filter): void {
    this.choose(filter.range);
    this.since.value = local(filter.since);
    this.until.value = local(filter.until);
    for (const name of ['action', 'actor', 'target'] as const) this[name].value = filter[name];
  }

  /** What stands in the form. */
  private filter(): Filter {
    const times = this.range === 'custom' ? { since: utc(this.since.value), until: utc(this.until.value) } : { since: '', until: '' };
    const texts = { action: this.action.value.trim(), actor: this.actor.value.trim(), target: this.target.value.trim() };
    return { range: this.range, ...times, ...texts };
  }

  private ask(filter: Filter): void {
    this.show(filter);
    this.wanted(filter);
  }

  private choice(range: Range, name: string): HTMLButtonElement {
    const node = textButton(name, () => {
      this.choose(range);
      if (range === 'custom') this.since.focus();
      else this.ask(this.filter());
    });
    this.ranges.set(range, node);
    return node;
  }

  private choose(range: Range): void {
    this.range = range;
    for (const [each, node] of this.ranges) node.setAttribute('aria-pressed', String(each === range));
    this.times.hidden = range !== 'custom';
  }
}

function input(type: string, attributes: Readonly<Record<string, string>>): HTMLInputElement {
  const plain = { autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: LONGEST };
  return el('input', { type, ...plain, ...attributes });
}

function field(name: string, node: HTMLInputElement): HTMLLabelElement {
  return el('label.field', {}, el('span', {}, name), node);
}
