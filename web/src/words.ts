// What the page says about what is missing and what is complete.

import type { Incomplete, Log } from 'buildrelay-resume';
import type { Gap } from './decode';
import { bytes, count } from './view/format';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['trimmed', 'They were older than what the relay keeps.'],
  ['epoch', 'The log had been lost before, and this is what is left of the new one.'],
  ['rollback', 'Redis lost the newest part of the log.'],
  ['fork', 'Redis lost a part of the log, and other output took its place.'],
  ['unavailable', 'What Redis has in their place cannot be read.'],
]);

/** "12 events are missing here, about 340 lines". */
export function gapTitle(gap: Gap): string {
  const lines = gap.lines ? `, ${count(gap.lines, 'line')}` : '';
  return `${missing(gap)} missing here${lines}`;
}

function missing({ by, amount }: Gap): string {
  if (amount === null) return 'Output is';
  const many = by === 'log' ? count(amount, 'event') : `${bytes(amount)} of output`;
  return `${many} ${amount === 1 ? 'is' : 'are'}`;
}

/** Why, in a sentence. */
export function gapReason(gap: Gap): string {
  if (gap.by === 'build') return 'The build could not hand it to the relay in time.';
  return REASONS.get(gap.reason) ?? '';
}

/** Whether a log is whole, in a few words. */
export function verdict(log: Log, running: boolean): string {
  const some = log.missing === null ? 'Events' : count(log.missing, 'event');
  const are = log.missing === 1 ? 'is' : 'are';
  const texts: Readonly<Record<Incomplete, string>> = {
    open: running ? 'Not finished yet' : 'The end has not arrived yet',
    late: 'The beginning is not shown',
    gap: `${some} ${are} missing`,
    hole: `${some} did not arrive`,
    changed: 'Not what the log held when it was closed',
  };
  return log.incomplete ? texts[log.incomplete] : 'Complete';
}
