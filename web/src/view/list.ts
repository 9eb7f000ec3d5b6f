// The list of builds: #/

import { plain } from '../invisible';
import type { Build } from '../model';
import type { App, View } from './app';
import { el, setAttribute, setText } from './dom';
import { ago, count, dateTime, duration } from './format';
import { elapsed, outcome, StatusBadge } from './status';

export class ListView implements View {
  readonly element = el('div.page');
  private readonly summary = el('p.summary');
  private readonly list = el('ol.builds', { 'aria-label': 'Builds, newest first' });
  private readonly empty = el('div.empty');
  private readonly rows = new Map<number, Row>();
  private readonly stop: () => void;
  private readonly ticker: ReturnType<typeof setInterval>;
  private frame = 0;

  constructor(private readonly app: App) {
    this.element.append(el('header.page-head', {}, el('h1', {}, 'Builds'), this.summary), this.list, this.empty);
    this.stop = app.builds.onChange(() => this.schedule());
    this.ticker = setInterval(() => this.tick(), 1000);
  }

  mounted(): void {
    this.draw();
  }

  close(): void {
    this.stop();
    clearInterval(this.ticker);
    cancelAnimationFrame(this.frame);
  }

  private schedule(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const builds = this.app.builds.list.all();
    this.removeRows(new Set(builds.map((build) => build.id)));
    builds.forEach((build, i) => this.drawRow(build, i));
    const summary = summarise(builds);
    setText(this.summary, summary);
    document.title = builds.some((b) => b.status === 'running') ? `${summary.split(',')[0]} · buildrelay` : 'buildrelay';
    this.drawEmpty(builds.length === 0);
  }

  private drawRow(build: Build, position: number): void {
    const row = this.rows.get(build.id) ?? this.addRow(build.id);
    const ended = row.update(build, this.app.now());
    if (ended) this.app.shell.announce(outcome(build));
    const there = this.list.children[position];
    if (there !== row.element) this.list.insertBefore(row.element, there ?? null);
  }

  private addRow(id: number): Row {
    const row = new Row(id);
    this.rows.set(id, row);
    return row;
  }

  private removeRows(kept: ReadonlySet<number>): void {
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
  }

  private drawEmpty(empty: boolean): void {
    this.empty.hidden = !empty;
    if (!empty) return;
    const loaded = this.app.builds.loaded;
    this.empty.replaceChildren(
      el('p.empty-title', {}, loaded ? 'No builds yet' : 'Loading builds…'),
      el('p', {}, loaded ? 'The first one appears here by itself when it starts.' : ''),
    );
  }

  private tick(): void {
    const now = this.app.now();
    for (const row of this.rows.values()) row.tick(now);
  }
}

class Row {
  readonly element = el('li.build');
  private readonly status = new StatusBadge();
  private readonly command = el('span.build-command');
  private readonly newest = el('span.build-line');
  private readonly duration = el('span.build-duration');
  private readonly started = el('time.build-started');
  private build: Build | undefined;

  constructor(id: number) {
    this.element.dataset['build'] = String(id);
    this.element.append(
      el(
        'a.build-link',
        { href: `#/builds/${id}` },
        this.status.element,
        el('span.build-main', {}, el('span.build-title', {}, el('span.build-id', {}, `#${id}`), this.command), this.newest),
        el('span.build-times', {}, this.duration, this.started),
      ),
    );
  }

  /** Shows the build; answers whether it has ended just now. */
  update(build: Build, now: number): boolean {
    const ended = this.build?.status === 'running' && build.status !== 'running';
    this.build = build;
    setAttribute(this.element, 'data-status', build.status);
    this.status.set(build.status);
    setText(this.command, plain(build.command) || 'standard input');
    setText(this.newest, plain(build.line).trim());
    setAttribute(this.started, 'title', dateTime(build.started));
    setAttribute(this.started, 'datetime', new Date(build.started).toISOString());
    this.tick(now);
    return ended;
  }

  tick(now: number): void {
    if (!this.build) return;
    setText(this.duration, duration(elapsed(this.build, now), this.build.finished !== null));
    setText(this.started, ago(now - this.build.started));
  }
}

function summarise(builds: readonly Build[]): string {
  const of = (status: Build['status']) => builds.filter((build) => build.status === status).length;
  const parts = [
    [of('running'), 'running'],
    [of('passed'), 'passed'],
    [of('failed'), 'failed'],
    [of('canceled'), 'canceled'],
  ] as const;
  return parts
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${count(n, word, word)}`)
    .join(', ');
}
