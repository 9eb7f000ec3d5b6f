// What the relay sends, as far as it concerns a log: pusher-js passes on the event,
// its channel and its data, but not the position, which is a member beside them.

import { parsePosition } from './position.js';
import type { Position } from './position.js';

/** A message of one channel. */
export interface Frame {
  readonly channel: string;
  readonly event: string;
  /** The data as it was published; '' where it is no string. */
  readonly data: string;
  /** The position behind this message, if it has to do with a log. */
  readonly at: Position | undefined;
  /** The log has other data, sealed or not masked: its chain is over what it has, which is not shown. */
  readonly sealed: boolean;
}

/** Why a reader was not given what followed its position. */
export type GapReason = 'trimmed' | 'epoch' | 'rollback' | 'fork' | 'unavailable';

/** What the relay told that it cannot give. */
export interface Gap {
  /**
   * trimmed: no longer kept. epoch: the log is another one, or is gone. rollback and
   * fork: Redis lost the newest entries. unavailable: they cannot be read.
   */
  readonly reason: GapReason;
  /** The position before the gap, and that of the entry behind it, null while there is none. */
  readonly from: string;
  readonly resumeAt: string | null;
  /** How many events are not given, null where nobody can know. */
  readonly missing: number | null;
  /** What follows is another history: what came before is no part of it. */
  readonly reset: boolean;
}

/** What a closed log holds. */
export interface Final {
  /** Events, the last one included. */
  readonly entries: number;
  /** Of output, as the publisher counted; null when it did not. */
  readonly lines: number | null;
  readonly bytes: number | null;
  /** Of the chain: 40 hexadecimal digits. */
  readonly digest: string;
}

/** Reads a message of a channel; undefined if it is none. */
export function parseFrame(message: unknown): Frame | undefined {
  const f = typeof message === 'string' ? parseObject(message) : undefined;
  if (!f || typeof f['event'] !== 'string' || typeof f['channel'] !== 'string') return undefined;
  return {
    channel: f['channel'],
    event: f['event'],
    data: typeof f['data'] === 'string' ? f['data'] : '',
    at: parsePosition(f['relay']),
    sealed: f['sealed'] === true,
  };
}

/**
 * The relay's own notice that an event is ("gap" of relay:gap), undefined for any
 * other. On encrypted channels, where pusher-js would decrypt it, it has another name.
 */
export function noticeOf(event: string): string | undefined {
  return /^(?:relay:|pusher:relay_)(\w+)$/.exec(event)?.[1];
}

export function parseGap(data: string): Gap | undefined {
  const f = parseObject(data);
  if (!f || typeof f['from'] !== 'string' || typeof f['reset'] !== 'boolean') return undefined;
  return {
    reason: f['reason'] as GapReason,
    from: f['from'],
    resumeAt: typeof f['resume_at'] === 'string' ? f['resume_at'] : null,
    missing: countOf(f['missing']),
    reset: f['reset'],
  };
}

/** Where the log ended, of relay:position. */
export function parseTop(data: string): Position | undefined {
  return parsePosition(parseObject(data)?.['top']);
}

export function parseFinal(data: string): Final | undefined {
  const f = parseObject(data);
  const entries = countOf(f?.['entries']);
  if (!f || entries === null || typeof f['digest'] !== 'string') return undefined;
  return { entries, lines: countOf(f['lines']), bytes: countOf(f['bytes']), digest: f['digest'] };
}

function countOf(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // pusher-js reports it
  }
}
