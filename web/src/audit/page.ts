// The page's frame: its bar, what is wrong, the list and what can be done with it.

import { el, setText } from '../view/dom';
import { count } from '../view/format';
import { brandMark, icon } from '../view/icons';
import type { Filter } from './filter';
import type { Answer, Page } from './record';
import { Rows } from './rows';
import { exportAddress } from './server';
import { visible } from './visible';

/** What the reader wants of the list. */
export interface Wishes {
  older(): void;
  again(): void;
  refresh(on: boolean): void;
}

export class AuditPage {
  private readonly stateText = el('span', {}, 'Loading');
  private readonly state = el('div.link', {}, el('span.link-dot'), this.stateText);
  private readonly alarm = new Notice();
  private readonly exposed = new Notice();
  private readonly failure = new Notice();
  private readonly summary = el('p.summary', { role: 'status' });
  private readonly exports = (['csv', 'ndjson'] as const).map((format) => new Export(format));
  private readonly rows = new Rows();
  private readonly emptyTitle = el('p.empty-title');
  private readonly empty = el('div.empty', {}, this.emptyTitle);
  private readonly older: HTMLButtonElement;

  constructor(form: HTMLElement, wishes: Wishes) {
    this.older = textButton('Show older records', () => wishes.older());
    this.failure.element.append(textButton('Try again', () => wishes.again()));
    const automatic = el('input', { type: 'checkbox', autocomplete: 'off' });
    automatic.addEventListener('change', () => wishes.refresh(automatic.checked));
    const tools = el('div.tools', {}, el('label.button', {}, automatic, 'Auto-refresh'), ...this.exports.map(({ element }) => element));
    const head = el('header.page-head', {}, el('h1', {}, 'Audit trail'), this.summary, tools);
    const all = [this.alarm.element, this.exposed.element, head, form, this.failure.element, this.rows.element, this.empty, this.older];
    document.body.replaceChildren(
      el('header.top', {}, el('span.brand', {}, brandMark(), el('span', {}, 'buildrelay')), this.state),
      el('main.outlet', {}, el('div.page.audit', {}, ...all)),
    );
  }

  /** Begins anew: what another filter has found goes away. */
  open(filter: Filter): void {
    for (const each of this.exports) each.filter = filter;
    this.show({ records: [], before: '' }, 'Loading records…');
    setText(this.summary, '');
  }

  setBusy(busy: boolean): void {
    this.rows.element.setAttribute('aria-busy', String(busy));
  }

  draw(page: Page, { state, strict, insecure }: Answer): void {
    this.show(page, 'No record fits this filter.');
    setText(this.summary, `${count(page.records.length, 'record')} shown, times in ${zone()}`);
    this.setState(state.ok ? 'live' : 'offline', `${state.ok ? 'Writing' : 'Not writing'}${strict ? ', strict' : ''}`);
    const refused = strict ? ' Meanwhile private subscriptions and admin actions are refused.' : '';
    this.alarm.show(state.ok ? '' : `The audit trail is not written to its database: ${visible(state.text, 300)}.${refused}`);
    this.exposed.show(insecure.length === 0 ? '' : `Not secure, others on the network can read along: ${visible(insecure.join('; '), 300)}.`);
  }

  /** Goes on where the reader was, in front of what has come behind. */
  focus(position: number): void {
    this.rows.element.children[position]?.querySelector('summary')?.focus();
  }

  fail(reason: string): void {
    this.failure.show(reason);
    this.empty.hidden = true;
    this.setState('offline', 'Unknown');
  }

  private show({ records, before }: Page, ifNone: string): void {
    this.failure.show('');
    this.rows.draw(records);
    this.older.hidden = before === '';
    this.empty.hidden = records.length > 0;
    setText(this.emptyTitle, ifNone);
  }

  private setState(connection: string, text: string): void {
    this.state.dataset['connection'] = connection;
    setText(this.stateText, text);
  }
}

/** Something that is wrong, told at once to those who do not see it. */
class Notice {
  private readonly text = el('span.notice-text');
  readonly element = el('div.notice', { role: 'alert', hidden: '' }, icon('warning'), this.text);

  /** '' takes it away. */
  show(text: string): void {
    this.element.hidden = text === '';
    setText(this.text, text);
  }
}

/** A link that downloads all records of the filter; a range that ends now ends when it is clicked. */
class Export {
  readonly element: HTMLAnchorElement;
  private wanted: Filter | undefined;

  constructor(private readonly format: 'csv' | 'ndjson') {
    const name = format.toUpperCase();
    const attributes = { title: 'Download all records of this filter', 'aria-label': `Download ${name}`, download: '' };
    this.element = el('a.button', attributes, icon('download'), name);
    this.element.addEventListener('click', () => this.aim());
  }

  set filter(filter: Filter) {
    this.wanted = filter;
    this.aim();
  }

  private aim(): void {
    if (this.wanted) this.element.href = exportAddress(this.wanted, this.format);
  }
}

export function textButton(text: string, onClick: () => void): HTMLButtonElement {
  const node = el('button.button', { type: 'button' }, text);
  node.addEventListener('click', onClick);
  return node;
}

/** The reader's zone: "Europe/Berlin". */
function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
