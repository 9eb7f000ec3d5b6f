// A build's status as icon and word.

import type { Build, Status } from '../model';
import { el, setText } from './dom';
import { STATUS_TEXT, statusIcon } from './icons';

export class StatusBadge {
  readonly element = el('span.status');
  private readonly word = el('span.status-word');
  private shown: Status | undefined;

  set(status: Status): void {
    if (status === this.shown) return;
    this.shown = status;
    this.element.dataset['status'] = status;
    setText(this.word, STATUS_TEXT[status]);
    this.element.replaceChildren(statusIcon(status), this.word);
  }
}

/** How long a build has taken up to now, in milliseconds. */
export function elapsed(build: Build, now: number): number {
  return (build.finished ?? now) - build.started;
}

/** What is said aloud when a build ends. */
export function outcome(build: Build): string {
  return `Build ${build.id} ${STATUS_TEXT[build.status].toLowerCase()}`;
}
