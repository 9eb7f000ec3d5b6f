// Whether a log is complete, in the page's foot: with a check mark where it is proven,
// else with the reason.

import type { Log } from 'buildrelay-resume';
import { verdict } from '../words';
import { el, setAttribute, setText } from './dom';
import { bytes, count } from './format';
import { icon } from './icons';

export class Proof {
  readonly element = el('span.proof');
  private readonly words = el('span');
  private shown = '';

  /** `lost` is how many bytes the build's side could not publish. */
  set(log: Log, { running, lost }: { running: boolean; lost: number }): void {
    const complete = log.complete && lost === 0;
    const state = complete ? 'complete' : (log.incomplete ?? 'lost');
    if (state !== this.shown) {
      this.shown = state;
      this.element.dataset['proof'] = state;
      const signs = complete ? [icon('done')] : state === 'open' ? [] : [icon('warning')];
      this.element.replaceChildren(...signs, this.words);
    }
    setText(this.words, state === 'lost' ? `${bytes(lost)} never reached the relay` : verdict(log, running));
    setAttribute(this.element, 'title', complete ? proven(log) : '');
  }
}

function proven(log: Log): string {
  const held = count(log.final?.entries ?? 0, 'event');
  const all = `All ${held} of this build's log are here:`;
  if (log.sealed) return `${all} as many as it was closed with. It is sealed, or masked, so there is no digest to compare.`;
  return `${all} their number and their digest are those that it was closed with.`;
}
