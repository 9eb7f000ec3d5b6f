// The list of records: a sentence each, which opens to the whole record.

import { drawing, el } from '../view/dom';
import { clock } from '../view/format';
import { icon, statusIcon } from '../view/icons';
import type { AuditRecord } from './record';
import { describe, outcome, who } from './sentence';
import type { Part } from './sentence';
import { pretty, visible } from './visible';

export class Rows {
  readonly element = el('ol.records', { 'aria-label': 'Records, newest first' });
  private rows = new Map<string, HTMLLIElement>();

  /** Shows the records; those that were shown before stay as they are, open or not. */
  draw(records: readonly AuditRecord[]): void {
    const rows = new Map(records.map((record) => [record.place, this.rows.get(record.place) ?? row(record)]));
    for (const [place, gone] of this.rows) {
      if (!rows.has(place)) gone.remove();
    }
    this.rows = rows;
    let position = this.element.firstElementChild;
    for (const each of rows.values()) {
      if (each === position) position = position.nextElementSibling;
      else this.element.insertBefore(each, position);
    }
  }
}

function row(record: AuditRecord): HTMLLIElement {
  const chevron = drawing('icon chevron', 'M6 3.75L10.25 8L6 12.25');
  const details = el('details', {}, el('summary.record-head', {}, chevron, time(record), sentence(record), facts(record)));
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return;
    const spoken = { tabindex: '0', role: 'region', 'aria-label': 'The whole record as JSON' };
    details.append(el('pre.record-json', spoken, pretty(record.whole ?? null)));
  });
  return el('li.record', { 'data-outcome': outcome(record) }, details);
}

function sentence(record: AuditRecord): HTMLElement {
  const node = el('span.record-sentence', { dir: 'ltr' }, ...pieces(describe(record)));
  if (outcome(record) === 'refused') node.prepend(el('span.badge', {}, statusIcon('canceled'), 'Refused'), ' ');
  if (outcome(record) === 'failed') node.prepend(el('span.badge', {}, icon('warning'), 'Failed'), ' ');
  return node;
}

/** What kind of record it is, and where it belongs. */
function facts({ action, scope, address, place }: AuditRecord): HTMLElement {
  const node = el('span.record-facts', { dir: 'ltr' }, el('bdi.record-action', {}, visible(action) || 'no action'));
  if (scope.id + scope.name !== '') node.append(el('span', {}, ...pieces(who(scope))));
  if (address !== '') node.append(el('span', {}, 'from ', el('bdi', {}, visible(address))));
  node.append(el('bdi.record-place', {}, visible(place)));
  return node;
}

function pieces(parts: readonly Part[]): HTMLElement[] {
  return parts.map(({ text, value }) => (value ? el('bdi.value', {}, text) : el('bdi', {}, text)));
}

/** The time in the reader's zone; as it was recorded it is in the record and in the title. */
function time({ occurredAt }: AuditRecord): HTMLElement {
  const at = new Date(occurredAt);
  if (Number.isNaN(at.getTime())) return el('span.record-time', {}, visible(occurredAt) || 'no time');
  const day = at.toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
  const node = { datetime: at.toISOString(), title: visible(occurredAt) };
  return el('time.record-time', node, el('span.record-clock', {}, clock(at.getTime())), ' ', el('span', {}, day));
}
