// The chain over a log's entries: each link is a digest over all up to it, so that
// who has seen every entry can prove it.

import type { Position } from './position.js';
import { sha1 } from './sha1.js';

const encoder = new TextEncoder();

/** The link behind `before`, which is the epoch for the first entry. */
export function nextLink(before: string, offset: number, event: string, data: string): string {
  return sha1(`${before} ${offset} ${encoder.encode(event).length} ${event}${data}`);
}

/** Whether a link is the one that the position of its entry names. */
export function belongs(link: string, at: Position): boolean {
  return parseInt(link.slice(0, 8), 16) === at.nonce;
}
