// A log as the relay's script in Redis makes it, and the messages that the relay
// sends of it.

import { createHash } from 'node:crypto';

export const CHANNEL = 'private-build-7';

export interface Entry {
  readonly event: string;
  readonly data: string;
  readonly position: string;
  /** Where the log has something else than what is shown. */
  readonly sealed?: true;
}

export class History {
  readonly entries: Entry[] = [];
  digest: string;

  constructor(readonly epoch = '00000000000000aa') {
    this.digest = epoch;
  }

  /** `shown` is what the relay shows of data that the log has sealed. */
  append(event: string, data: string, shown?: string): Entry {
    const offset = this.entries.length + 1;
    const content = `${this.digest} ${offset} ${Buffer.byteLength(event)} ${event}${data}`;
    this.digest = createHash('sha1').update(content).digest('hex');
    const position = `${this.epoch}:${offset}-${parseInt(this.digest.slice(0, 8), 16)}`;
    const entry: Entry = shown === undefined ? { event, data, position } : { event, data: shown, position, sealed: true };
    this.entries.push(entry);
    return entry;
  }

  /** Appends entries whose data is their number. */
  grow(count: number): this {
    for (let i = 0; i < count; i++) this.append('line', `"${this.entries.length + 1}"`);
    return this;
  }

  /** Appends entries likewise, which are sealed. */
  seal(count: number): this {
    for (let i = 0; i < count; i++) {
      const offset = this.entries.length + 1;
      this.append('line', `relay-sealed:1:${offset}`, `"${offset}"`);
    }
    return this;
  }

  /** The position behind the entry of this offset; 0 is the beginning. */
  at(offset: number): string {
    return offset === 0 ? `${this.epoch}:0-0` : this.entries[offset - 1]!.position;
  }

  /** The messages of the entries from one offset to another. */
  messages(from: number, to = this.entries.length): string[] {
    return this.entries.slice(from - 1, to).map(message);
  }

  final(change: object = {}): string {
    const entries = this.entries.length;
    const data = { position: this.at(entries), entries, lines: null, bytes: null, digest: this.digest, ...change };
    return notice('final', data, this.at(entries));
  }
}

export function message({ event, data, position, sealed }: Entry): string {
  return JSON.stringify({ event, data, channel: CHANNEL, relay: position, sealed });
}

/** A notice of the relay; without a position the message has none. */
export function notice(what: string, members: object = {}, position?: string, event = `relay:${what}`): string {
  const data = JSON.stringify({ channel: CHANNEL, ...members });
  return JSON.stringify({ event, data, channel: CHANNEL, relay: position });
}

/** A gap: `after` is the position behind it. */
export function gap(after: string, members: object): string {
  return notice('gap', { reason: 'trimmed', from: '0:0-0', resume_at: null, missing: null, reset: false, ...members }, after);
}

export const succeeded = JSON.stringify({ event: 'pusher_internal:subscription_succeeded', data: '{}', channel: CHANNEL });
