// One build: #/builds/N

import type { Log } from 'buildrelay-resume';
import type { Decoded } from '../decode';
import { BuildFeed } from '../feed';
import type { FeedSink } from '../feed';
import { plain } from '../invisible';
import { buildOf, statusOf } from '../model';
import type { Build, Finished, Started } from '../model';
import type { Link } from '../transport';
import { Watchers } from '../watchers';
import type { App, View } from './app';
import { el, setText } from './dom';
import { clock, count, dateTime, duration } from './format';
import { icon, STATUS_TEXT } from './icons';
import { LogView } from './log';
import { Notices } from './notices';
import { Palette } from './palette';
import { PeopleRow } from './people';
import { Proof } from './proof';
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
  private readonly proof = new Proof();
  private readonly size = el('span.log-size');
  private readonly log: LogView;
  private readonly toolbar: Toolbar;
  private readonly feed: BuildFeed;
  private readonly people: PeopleRow;
  private readonly watchers: Watchers;
  private readonly stops: (() => void)[] = [];
  /** The build by its own events; the list may not have it any more. */
  private told: Build | undefined;
  private finishedWith: Finished | undefined;
  private known: Log | undefined;
  private lastStatus = '';
  private frame = 0;

  constructor(
    private readonly app: App,
    private readonly id: number,
  ) {
    this.log = new LogView(new Palette(app.theme.isDark), {
      changed: () => this.logChanged(),
      follow: (on) => this.toolbar.setFollow(on, this.log.terminal.lines.length),
    });
    this.feed = new BuildFeed(id, this);
    this.toolbar = new Toolbar(id, this.log, this.feed.recording, (problem) => this.notices.set('tool', problem));
    this.people = new PeopleRow(app.identity);
    this.watchers = new Watchers(id, app.identity, {
      watchers: (all) => this.people.set(all),
      spoken: (text) => app.shell.announce(text),
    });
    this.log.element.setAttribute('aria-label', `Output of build ${id}`);
    this.assemble();
    this.listen();
  }

  mounted(): void {
    this.log.mounted();
    this.log.focus();
    this.feed.start((channel, handlers) => this.app.relay.openLog(channel, handlers));
    this.watchers.start((channel, handlers) => this.app.relay.openPresence(channel, handlers));
    this.drawHead();
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.feed.close();
    this.people.close();
    this.watchers.close();
    this.log.close();
    for (const stop of this.stops) stop();
  }

  started(started: Started): void {
    this.told = buildOf(this.id, started);
    this.drawSoon();
  }

  output(pieces: Decoded[]): void {
    this.log.push(pieces);
  }

  reset(): void {
    this.told = this.finishedWith = undefined;
    this.log.reset();
    this.drawSoon();
  }

  finished(finished: Finished): void {
    this.finishedWith = finished;
    this.drawSoon();
  }

  logIs(log: Log): void {
    this.known = log;
    this.drawSoon();
  }

  refused(): void {
    this.notices.set('refused', 'The server does not allow you to follow this build.');
  }

  private assemble(): void {
    const back = el('a.back', { href: '#/', title: 'All builds', 'aria-label': 'All builds' }, icon('back'));
    const name = el('div.build-heading', {}, el('div.build-line-1', {}, el('span.build-id', {}, `#${this.id}`), this.status.element, this.command), this.facts);
    this.element.dataset['build'] = String(this.id);
    this.element.append(
      el('header.build-head', {}, back, name, this.people.element, this.toolbar.element),
      this.notices.element,
      el('div.log-frame', {}, this.log.element, this.blank, this.toolbar.resume),
      el('footer.log-foot', {}, this.end, this.proof.element, this.size),
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

  /** The newest that is known of the build: from the list, or from its own events. */
  private current(): Build | undefined {
    const known = this.app.builds.list.get(this.id) ?? this.told;
    const end = this.finishedWith;
    if (!known || !end || known.status !== 'running') return known;
    return { ...known, status: statusOf(end), finished: end.time, exitCode: end.exitCode };
  }

  /** Events can come by the thousand. */
  private drawSoon(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawHead();
    });
  }

  private drawHead(): void {
    const build = this.current();
    this.drawFoot(build);
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
  }

  private announce(build: Build): void {
    if (this.lastStatus === 'running' && build.status !== 'running') {
      this.app.shell.announce(outcome(build));
    }
    this.lastStatus = build.status;
  }

  private drawFoot(build: Build | undefined): void {
    const running = build?.status === 'running';
    const cut = running ? CUT[this.app.relay.link] : undefined;
    this.end.dataset['status'] = cut ? 'canceled' : (build?.status ?? '');
    this.toolbar.setRunning(running);
    setText(this.end, cut ?? (running ? 'Running' : this.finishedWith ? endText(this.finishedWith) : ''));
    const settled = this.finishedWith !== undefined && !this.log.pending;
    const lost = this.finishedWith?.lost ?? 0;
    this.element.dataset['complete'] = String(settled && lost === 0 && this.known?.complete === true);
    if (this.known) this.proof.set(this.known, { running, lost });
    this.drawBlank();
    this.drawNotices();
  }

  private drawNotices(): void {
    const log = this.known;
    const { builds } = this.app;
    const nothing = log?.state === 'live' && this.log.terminal.lines.length === 0 && !this.current();
    this.notices.set('unknown', nothing && builds.loaded ? `There is no build ${this.id}.` : '');
    const gone = log?.gaps.some((gap) => gap.reset && gap.missing === null);
    this.notices.set('gone', gone ? GONE : '');
  }

  /** Says why the log is empty, if it is. */
  private drawBlank(): void {
    const empty = this.log.terminal.lines.length === 0 && !this.log.pending && this.known?.state === 'live' && this.current();
    setText(this.blank, !empty ? '' : this.finishedWith ? 'This build printed nothing.' : 'Nothing printed yet.');
  }

  private logChanged(): void {
    const terminal = this.log.terminal;
    setText(this.size, count(terminal.lines.length, 'line'));
    this.drawBlank();
    this.toolbar.linesAre(terminal.lines.length);
    this.notices.setGaps(terminal, (index) => this.log.toLine(index));
    const full = `Only the first ${count(terminal.lines.length, 'line')} are shown. The download has all.`;
    this.notices.set('full', terminal.refused > 0 ? full : '');
    if (this.finishedWith && !this.log.pending) this.drawHead();
  }
}

const GONE = 'Redis has lost the log of this build. What it held before is still shown here, until the build is sent again.';

/** Why newer output may be missing. */
const CUT: Readonly<Partial<Record<Link, string>>> = {
  connecting: 'Connecting…',
  reconnecting: 'Not connected: newer output may be missing',
  offline: 'Not connected: newer output may be missing',
  stale: 'Redis is away: newer output may be missing',
};

function endText(end: Finished): string {
  if (end.signal !== '') return `Ended by ${plain(end.signal)}`;
  return end.exitCode === null ? 'Ended without an exit code' : `Exit code ${end.exitCode}`;
}
