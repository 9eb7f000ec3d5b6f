// One build: #/builds/N

import type { Decoded } from '../decode';
import { BuildFeed } from '../feed';
import type { FeedSink, FeedState } from '../feed';
import { statusOf } from '../model';
import type { Build, Finished } from '../model';
import type { App, View } from './app';
import { el, setText } from './dom';
import { clock, count, dateTime, duration } from './format';
import { icon, STATUS_TEXT } from './icons';
import { LogView } from './log';
import { Notices } from './notices';
import { Palette } from './palette';
import { plain } from './segments';
import { elapsed, outcome, StatusBadge } from './status';
import { Toolbar } from './toolbar';

export class BuildView implements View, FeedSink {
  readonly element = el('div.build-page');
  private readonly status = new StatusBadge();
  private readonly command = el('h1.build-name');
  private readonly facts = el('p.facts');
  private readonly notices = new Notices();
  private readonly blank = el('p.log-blank');
  private readonly end = el('span.log-end');
  private readonly size = el('span.log-size');
  private readonly log: LogView;
  private readonly toolbar: Toolbar;
  private readonly feed: BuildFeed;
  private readonly stops: (() => void)[] = [];
  private fetched: Build | undefined;
  private finishedWith: Finished | undefined;
  private gapBytes = 0;
  private lastStatus = '';

  constructor(
    private readonly app: App,
    private readonly id: number,
  ) {
    this.log = new LogView(new Palette(app.theme.isDark), {
      changed: () => this.logChanged(),
      follow: (on) => this.toolbar.setFollow(on, this.log.terminal.lines.length),
    });
    this.toolbar = new Toolbar(id, this.log, (problem) => this.notices.set('tool', problem));
    this.feed = new BuildFeed(id, this);
    this.log.element.setAttribute('aria-label', `Output of build ${id}`);
    this.assemble();
    this.listen();
  }

  mounted(): void {
    this.log.mounted();
    this.log.focus();
    this.feed.start((channel, handlers) => this.app.relay.open(channel, handlers));
    this.drawHead();
  }

  close(): void {
    this.feed.close();
    this.log.close();
    for (const stop of this.stops) stop();
  }

  build(build: Build): void {
    // Another build by the same number: the backend has begun anew, and so does the page.
    if (this.fetched && this.fetched.started !== build.started) location.reload();
    this.fetched = build;
    this.drawHead();
  }

  output(pieces: Decoded[]): void {
    for (const piece of pieces) {
      if ('gap' in piece) this.gapBytes = piece.gap < 0 || this.gapBytes < 0 ? -1 : this.gapBytes + piece.gap;
    }
    this.log.push(pieces);
  }

  finished(finished: Finished): void {
    this.finishedWith = finished;
    this.drawHead();
  }

  state(state: FeedState, lostEvents: number): void {
    this.element.dataset['feed'] = state;
    const behind = lostEvents > 0 ? `The connection fell behind; what it missed is being fetched.` : 'Some output has not arrived; it is being fetched.';
    this.notices.set('behind', state === 'behind' ? behind : '');
    this.notices.set('refused', state === 'refused' ? 'The server does not allow you to follow this build live.' : '');
    this.notices.set('unknown', state === 'unknown-build' ? `There is no build ${this.id}.` : '');
  }

  private assemble(): void {
    const back = el('a.back', { href: '#/', title: 'All builds', 'aria-label': 'All builds' }, icon('back'));
    const name = el('div.build-heading', {}, el('div.build-line-1', {}, el('span.build-id', {}, `#${this.id}`), this.status.element, this.command), this.facts);
    this.element.dataset['build'] = String(this.id);
    this.element.append(
      el('header.build-head', {}, back, name, this.toolbar.element),
      this.notices.element,
      el('div.log-frame', {}, this.log.element, this.blank, this.toolbar.resume),
      el('footer.log-foot', {}, this.end, this.size),
    );
  }

  private listen(): void {
    const ticker = setInterval(() => this.drawHead(), 1000);
    const keys = (event: KeyboardEvent) => this.toolbar.key(event);
    document.addEventListener('keydown', keys);
    this.stops.push(
      () => clearInterval(ticker),
      () => document.removeEventListener('keydown', keys),
      this.app.builds.onChange(() => this.drawHead()),
      this.app.relay.onLink(() => this.drawHead()),
      this.app.theme.onChange(() => this.log.setPalette(new Palette(this.app.theme.isDark))),
    );
  }

  /** The newest that is known of the build: from the list, from the fetch, from its end. */
  private current(): Build | undefined {
    const known = this.app.builds.list.get(this.id) ?? this.fetched;
    const end = this.finishedWith;
    if (!known || !end || known.status !== 'running') return known;
    return { ...known, status: statusOf(end), finished: end.time, exitCode: end.exitCode };
  }

  private drawHead(): void {
    const build = this.current();
    if (!build) {
      setText(this.command, '');
      document.title = `#${this.id} · buildrelay`;
      return;
    }
    this.status.set(build.status);
    this.element.dataset['status'] = build.status;
    setText(this.command, plain(build.command) || 'standard input');
    this.command.title = this.command.textContent;
    setText(this.facts, `${duration(elapsed(build, this.app.now()), build.finished !== null)} · started at ${clock(build.started)}`);
    this.facts.title = dateTime(build.started);
    document.title = `${STATUS_TEXT[build.status]} #${this.id} ${plain(build.command)} · buildrelay`;
    this.announce(build);
    this.drawEnd(build);
  }

  private announce(build: Build): void {
    if (this.lastStatus === 'running' && build.status !== 'running') {
      this.app.shell.announce(outcome(build));
      this.feed.over();
    }
    this.lastStatus = build.status;
  }

  private drawEnd(build: Build): void {
    const complete = this.finishedWith !== undefined && !this.log.pending;
    const running = build.status === 'running';
    const cut = running && this.app.relay.link !== 'live';
    this.end.dataset['status'] = cut ? 'canceled' : build.status;
    this.element.dataset['complete'] = String(complete);
    this.toolbar.setRunning(running);
    this.drawBlank();
    if (cut) setText(this.end, 'Not connected: newer output may be missing');
    else if (running) setText(this.end, 'Running');
    else setText(this.end, complete ? endText(this.finishedWith!) : 'Loading the output…');
  }

  /** Says why the log is empty, if it is. */
  private drawBlank(): void {
    const { feed, complete } = this.element.dataset;
    const empty = this.log.terminal.lines.length === 0 && !this.log.pending && feed === 'current';
    setText(this.blank, !empty ? '' : complete === 'true' ? 'This build printed nothing.' : 'Nothing printed yet.');
  }

  private logChanged(): void {
    const terminal = this.log.terminal;
    setText(this.size, count(terminal.lines.length, 'line'));
    this.drawBlank();
    this.toolbar.linesAre(terminal.lines.length);
    this.notices.setGaps({ places: terminal.gaps, bytes: this.gapBytes }, (index) => this.log.toLine(index));
    if (terminal.refused > 0) {
      this.notices.set('full', `Only the first ${count(terminal.lines.length, 'line')} are shown. The download has all.`);
    }
    if (this.finishedWith && !this.log.pending) this.drawHead();
  }
}

function endText(end: Finished): string {
  if (end.signal !== '') return `Ended by ${plain(end.signal)}`;
  return end.exitCode === null ? 'Ended without an exit code' : `Exit code ${end.exitCode}`;
}
