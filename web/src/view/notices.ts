// What the page itself has to say about a log, above it: never within the
// area where log text is, so that no log line can pass for it.

import type { Terminal } from '../terminal/terminal';
import { button, el, setText } from './dom';
import { count, number } from './format';
import { icon } from './icons';

export class Notices {
  readonly element = el('div.notices', { role: 'status' });
  private readonly shown = new Map<string, HTMLElement>();
  private nextGap = 0;
  private knownGaps = 0;

  /** Shows, changes or (with '') removes the notice of this name. */
  set(name: string, text: string, action?: HTMLElement): void {
    const known = this.shown.get(name);
    if (text === '') {
      known?.remove();
      this.shown.delete(name);
      return;
    }
    const node = known ?? this.add(name, action);
    setText(node.children[1]!, text);
  }

  /** Tells before which lines output is missing; `show` scrolls to one, by its index. */
  setGaps(terminal: Terminal, show: (index: number) => void): void {
    const { gaps } = terminal;
    if (gaps.length === this.knownGaps) return;
    this.knownGaps = gaps.length;
    const action = button('Show where output is missing', ['Show'], () => show(gaps[this.nextGap++ % gaps.length]!));
    this.set('gaps', gaps.length === 0 ? '' : whereGapsAre(terminal), action);
  }

  private add(name: string, action?: HTMLElement): HTMLElement {
    const node = el('div.notice', { 'data-notice': name }, icon('warning'), el('span.notice-text'));
    if (action) node.append(action);
    this.shown.set(name, node);
    this.element.append(node);
    return node;
  }
}

function whereGapsAre(terminal: Terminal): string {
  const places = terminal.gaps;
  const where = places.length === 1 ? `before line ${number(terminal.numberOf(places[0]!))}` : `at ${count(places.length, 'place')}`;
  const uncounted = places.some((index) => terminal.lines[index]?.gap?.lines === null);
  return `Output is missing ${where}.${uncounted ? ' Line numbers do not count all of it.' : ''}`;
}
