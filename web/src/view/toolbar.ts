// What the reader can do with a log: follow it, jump, wrap, copy, download.

import { plain } from '../invisible';
import type { Recording } from '../recording';
import { gapTitle } from '../words';
import { button, el, setText } from './dom';
import { count } from './format';
import { icon } from './icons';
import type { LogView } from './log';

export class Toolbar {
  readonly element: HTMLElement;
  /** Floats over the log while it isn't followed. */
  readonly resume: HTMLButtonElement;
  private readonly follow: HTMLButtonElement;
  private readonly wrap: HTMLButtonElement;
  private readonly copy: HTMLButtonElement;
  private readonly news = el('span');
  private pausedAt = 0;
  private lines = 0;
  private running = true;

  constructor(
    private readonly id: number,
    private readonly log: LogView,
    private readonly recording: Recording,
    /** Tells the reader what did not work; '' takes it back. */
    private readonly tell: (problem: string) => void,
  ) {
    this.follow = button('Follow the newest output (F)', [icon('follow'), el('span', {}, 'Follow')], () => this.toggleFollow());
    this.wrap = button('Wrap long lines (W)', [icon('wrap')], () => this.toggleWrap());
    this.copy = button('Copy the whole log as text', [icon('copy')], () => this.copyAll());
    this.resume = el('button.resume', { type: 'button', hidden: '' }, icon('follow'), this.news);
    this.resume.addEventListener('click', () => this.log.toEnd());
    this.element = el(
      'div.toolbar',
      { role: 'toolbar', 'aria-label': 'Log' },
      button('To the first line (G)', [icon('top')], () => this.log.toTop()),
      button('To the last line (Shift+G)', [icon('bottom')], () => this.log.toEnd()),
      this.wrap,
      this.copy,
      button('Download the raw output', [icon('download')], () => this.download()),
      this.follow,
    );
    this.copy.hidden = !navigator.clipboard; // only there in a secure context
    this.follow.setAttribute('aria-pressed', 'true');
    this.wrap.setAttribute('aria-pressed', 'true');
  }

  setFollow(on: boolean, lines: number): void {
    this.pausedAt = lines;
    this.follow.setAttribute('aria-pressed', String(on));
    this.resume.hidden = on;
    this.linesAre(lines);
  }

  linesAre(lines: number): void {
    this.lines = lines;
    const fresh = this.lines - this.pausedAt;
    const otherwise = this.running ? 'Follow' : 'To the end';
    if (!this.resume.hidden) setText(this.news, fresh > 0 ? count(fresh, 'new line') : otherwise);
  }

  setRunning(running: boolean): void {
    this.running = running;
    this.linesAre(this.lines);
  }

  /** F follows, G and Shift+G or Home and End jump, W wraps. */
  key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    switch (event.key) {
      case 'f':
        return this.toggleFollow();
      case 'w':
        return this.toggleWrap();
      case 'g':
      case 'Home':
        event.preventDefault();
        return this.log.toTop();
      case 'G':
      case 'End':
        event.preventDefault();
        return this.log.toEnd();
    }
  }

  private toggleFollow(): void {
    this.log.follow.set(!this.log.follow.on);
  }

  private toggleWrap(): void {
    this.log.setWrap(!this.log.wrap);
    this.wrap.setAttribute('aria-pressed', String(this.log.wrap));
  }

  private copyAll(): void {
    this.tell('');
    // Who pastes it does not see what hides in it.
    navigator.clipboard.writeText(plain(this.log.terminal.text(gapTitle))).then(
      () => {
        this.copy.replaceChildren(icon('done'));
        setTimeout(() => this.copy.replaceChildren(icon('copy')), 1500);
      },
      () => this.tell('The log could not be copied.'),
    );
  }

  private download(): void {
    const url = URL.createObjectURL(this.recording.file());
    el('a', { href: url, download: `build-${this.id}.log` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}
