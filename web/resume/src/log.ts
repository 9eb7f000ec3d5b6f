// Follows the log of one channel: what of it was seen, what is missing, whether it is
// complete. Pure: messages in, verdicts out.

import { belongs, nextLink } from './chain.js';
import { noticeOf, parseFinal, parseGap, parseTop } from './frame.js';
import type { Final, Frame, Gap } from './frame.js';
import type { Position } from './position.js';

/**
 * waiting: not subscribed at the moment. catching-up: what was published before is on
 * its way. stale: the relay cannot tell whether this is all.
 */
export type LogState = 'waiting' | 'catching-up' | 'live' | 'stale';

/**
 * Why a log is not complete.
 * open: it is not closed yet, and nothing is missing so far.
 * late: it was not read from its beginning.
 * gap: the relay told that events are missing.
 * hole: events did not come, and that was not told; so do events that exclude this client.
 * changed: the counts or the digest are not those of what was seen.
 */
export type Incomplete = 'open' | 'late' | 'gap' | 'hole' | 'changed';

/** The log of a channel, as far as it was seen. It changes as events come. */
export interface Log {
  readonly channel: string;
  /** Behind the newest event that was given to the application; undefined before it is known. */
  readonly position: string | undefined;
  readonly state: LogState;
  /** What the relay told that it cannot give of this log. */
  readonly gaps: readonly Gap[];
  /** How many events are missing, null where nobody can know. */
  readonly missing: number | null;
  /** What the log holds, once it is closed and that was told. */
  readonly final: Final | undefined;
  /**
   * Every event was seen, from the first to the one that closed the log: proven by count and
   * digest, or by count alone where it is sealed or masked.
   */
  readonly complete: boolean;
  /** The log has other data than some events that were seen, sealed or not masked: nobody but the relay can check its digest. */
  readonly sealed: boolean;
  /** Why it is not complete, undefined if it is. */
  readonly incomplete: Incomplete | undefined;
}

/** Something that the application may want to know. */
export type Notice = 'gap' | 'reset' | 'stale' | 'fresh' | 'position' | 'complete';

/** What becomes of a message. */
export interface Verdict {
  /** Whether the application gets it. */
  readonly pass: boolean;
  readonly notices: readonly Notice[];
}

/** Where a log starts that is read for the first time. */
export type Rewind = { readonly count: number } | { readonly bytes: number } | { readonly from: 'start' };

/** What is sent with a subscription. */
export type Start = { readonly since: string } | { readonly rewind: Rewind | typeof AS_RULED };

/** Where the relay's rule has every client start, but told where that is. */
const AS_RULED = { from: 'rule' } as const;

const PASS: Verdict = { pass: true, notices: [] };
const DROP: Verdict = { pass: false, notices: [] };
const SUCCEEDED = 'pusher_internal:subscription_succeeded';

export class ChannelLog implements Log {
  gaps: readonly Gap[] = [];
  final: Final | undefined;
  sealed = false;
  private at: Position | undefined;
  /** Where the log ended when it was subscribed to; undefined once that is reached. */
  private top: Position | undefined;
  /** The chain's newest link; undefined when it cannot be followed. */
  private link: string | undefined;
  private late = false;
  private holes = 0;
  private changed = false;
  private waiting = false;
  private stale = false;
  /** What the application has is of another history than the events to come. */
  private discard = false;
  /** Entries of this history before the first that is retained. */
  private skipped = 0;

  constructor(readonly channel: string) {}

  get position(): string | undefined {
    return this.at?.text;
  }

  get state(): LogState {
    if (this.waiting) return 'waiting';
    if (this.stale) return 'stale';
    return this.top ? 'catching-up' : 'live';
  }

  get missing(): number | null {
    return this.gaps.reduce<number | null>(
      (sum, { missing }) => (sum === null || missing === null ? null : sum + missing),
      this.holes,
    );
  }

  get complete(): boolean {
    return this.incomplete === undefined;
  }

  get incomplete(): Incomplete | undefined {
    if (this.gaps.length > 0) return 'gap';
    if (this.holes > 0) return 'hole';
    if (this.late) return 'late';
    if (this.changed) return 'changed';
    return this.final ? undefined : 'open';
  }

  /** To be called when a subscription is sent; answers what goes with it. */
  subscribe(rewind: Rewind | undefined): Start {
    this.disconnected();
    if (this.at) return { since: this.at.text };
    return { rewind: rewind ?? AS_RULED };
  }

  /** To be called when there is no connection any more. */
  disconnected(): void {
    this.waiting = true;
    this.top = undefined;
  }

  receive(frame: Frame): Verdict {
    if (frame.event === SUCCEEDED) return this.subscribed();
    const notice = noticeOf(frame.event);
    // Before the subscription has succeeded everything is of an earlier one.
    if (this.waiting && (notice !== undefined || frame.at)) return DROP;
    if (notice === 'stale') return this.staleness(true);
    if (notice === 'fresh') return this.staleness(false);
    if (!frame.at) return PASS;
    if (notice === undefined) return this.entry(frame, frame.at);
    if (notice === 'gap') return this.gap(parseGap(frame.data), frame.at);
    if (notice === 'position') return this.placed(frame.at, parseTop(frame.data));
    return notice === 'final' ? this.close(parseFinal(frame.data), frame.at) : PASS;
  }

  private subscribed(): Verdict {
    this.waiting = false;
    return this.stale ? this.staleness(false) : PASS;
  }

  private staleness(stale: boolean): Verdict {
    this.stale = stale;
    return { pass: true, notices: [stale ? 'stale' : 'fresh'] };
  }

  private placed(at: Position, top: Position | undefined): Verdict {
    this.top = top?.text === at.text ? undefined : top;
    if (!this.at) {
      this.late = at.offset > 0;
    } else if (at.epoch === this.at.epoch && at.offset > this.at.offset) {
      this.hole(at.offset - this.at.offset);
    } else {
      return PASS; // a gap will tell, if it is another history
    }
    this.at = at;
    return { pass: true, notices: ['position'] };
  }

  private entry(frame: Frame, at: Position): Verdict {
    if (at.epoch === this.at?.epoch && at.offset <= this.at.offset) return DROP;
    if (this.at && at.epoch !== this.at.epoch) this.otherHistory();
    this.follow(frame, at);
    const notices: Notice[] = this.discard ? ['reset', 'position'] : ['position'];
    if (this.discard) this.reset();
    return { pass: true, notices };
  }

  /** Goes on to the next entry along the chain. */
  private follow(frame: Frame, at: Position): void {
    const before = at.offset - 1;
    if (!this.at) this.late = before > 0;
    else if (before > this.at.offset) this.hole(before - this.at.offset);
    const link = at.offset === 1 ? at.epoch : this.link;
    this.moveTo(at);
    if (frame.sealed) this.sealed = true;
    this.link = link === undefined || frame.sealed ? undefined : nextLink(link, at.offset, frame.event, frame.data);
    if (this.link !== undefined && !belongs(this.link, at)) {
      this.changed = true;
      this.link = undefined;
    }
  }

  private gap(gap: Gap | undefined, at: Position): Verdict {
    if (!gap) return PASS;
    // Nothing of it can be missing any more: it has expired.
    if (this.complete || (this.final && gap.resumeAt === null)) {
      this.top = undefined;
      return DROP;
    }
    if (gap.reset) {
      this.forget();
      this.discard = true;
      this.skipped = at.offset;
    }
    this.moveTo(at);
    this.link = undefined;
    this.gaps = [...this.gaps, gap];
    return { pass: true, notices: ['gap', 'position'] };
  }

  /** Nobody told, and yet what comes is of another life of the log: a new one was begun. */
  private otherHistory(): void {
    if (this.at!.offset > 0) {
      this.forget();
      this.discard = true;
    }
    this.at = { epoch: '', offset: 0, nonce: 0, text: '' };
  }

  /** Of the gap that led to this history remains what of the history itself is missing. */
  private reset(): void {
    this.discard = false;
    this.gaps = this.gaps
      .map((gap) => (gap.reset ? { ...gap, missing: this.skipped } : gap))
      .filter((gap) => gap.missing !== 0);
  }

  private forget(): void {
    this.gaps = [];
    this.final = this.link = undefined;
    this.late = this.changed = this.sealed = false;
    this.holes = this.skipped = 0;
  }

  private moveTo(at: Position): void {
    const top = this.top;
    if (top && (top.epoch !== at.epoch || top.offset <= at.offset)) this.top = undefined;
    this.at = at;
  }

  private hole(entries: number): void {
    this.holes += entries;
    this.link = undefined;
  }

  private close(final: Final | undefined, at: Position): Verdict {
    if (!final || at.text !== this.at?.text) return PASS;
    if (this.final) return DROP;
    this.final = final;
    if (final.entries !== at.offset || (!this.sealed && final.digest !== this.link)) this.changed = true;
    return { pass: true, notices: this.complete ? ['complete'] : [] };
  }
}
