// Starts the page of the audit trail: the address says the filter, the server has the records.

import '../style/base.css';
import '../style/list.css';
import './audit.css';
import { EVERYDAY, fromQuery, toQuery } from './filter';
import type { Filter } from './filter';
import { FilterForm } from './filterform';
import { AuditPage } from './page';
import { append, refresh } from './record';
import type { Page } from './record';
import { fetchPage } from './server';

const REFRESH_PAUSE = 10_000;

/** How a page goes into what is shown: alone, in front, or behind. */
const WAYS = { anew: (_: Page, got: Page) => got, newer: refresh, older: append } as const;
type Way = keyof typeof WAYS;
const NONE: Page = { records: [], before: '' };

class Trail {
  private filter = EVERYDAY;
  private shown = NONE;
  private asked: Way = 'anew';
  private busy = false;
  /** Counts filters, so that the answer to an earlier one is not taken for that to this one. */
  private question = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly form = new FilterForm((filter) => this.want(filter));
  private readonly page = new AuditPage(this.form.element, {
    older: () => void this.load('older'),
    again: () => void this.load(this.asked),
    refresh: (on) => this.refresh(on),
  });

  /** Shows what the address says. */
  open(): void {
    this.filter = fromQuery(location.search);
    this.form.show(this.filter);
    this.page.open(this.filter);
    this.shown = NONE;
    this.question++;
    this.busy = false;
    void this.load('anew');
  }

  private want(filter: Filter): void {
    const query = toQuery(filter);
    if (query !== location.search.slice(1)) history.pushState(null, '', query === '' ? location.pathname : `?${query}`);
    this.open();
  }

  private async load(way: Way): Promise<void> {
    if (this.busy) return;
    const question = this.question;
    this.asked = way;
    this.setBusy(true);
    const answer = await fetchPage(this.filter, way === 'older' ? this.shown.before : '').catch((error: Error) => error);
    if (question !== this.question) return;
    this.setBusy(false);
    if (answer instanceof Error) return this.page.fail(answer.message);
    const before = this.shown.records.length;
    this.shown = WAYS[way](this.shown, answer);
    this.page.draw(this.shown, answer);
    if (way === 'older') this.page.focus(before);
  }

  private setBusy(busy: boolean): void {
    this.busy = busy;
    this.page.setBusy(busy);
  }

  private refresh(on: boolean): void {
    clearInterval(this.timer);
    if (!on) return;
    void this.load('newer');
    this.timer = setInterval(() => {
      if (!document.hidden) void this.load('newer');
    }, REFRESH_PAUSE);
  }
}

const trail = new Trail();
window.addEventListener('popstate', () => trail.open());
trail.open();
