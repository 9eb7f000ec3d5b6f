// resume(pusher): the one line.

import { parseFrame } from './frame.js';
import type { Gap } from './frame.js';
import { hook } from './hook.js';
import type { PusherClient } from './hook.js';
import { ChannelLog } from './log.js';
import type { Log, Notice, Rewind } from './log.js';

export type { Final, Gap, GapReason } from './frame.js';
export type { PusherClient } from './hook.js';
export type { Incomplete, Log, LogState, Rewind } from './log.js';

/** What an application may want to be told, each with the log that it is about. */
export interface ResumeCallbacks {
  /** Events are missing. Told before any later event is handed on. */
  onGap?(log: Log, gap: Gap): void;
  /**
   * The next event, handed on right after this, begins another history: what came
   * before is no part of it and should be discarded.
   */
  onReset?(log: Log): void;
  /** The relay cannot tell whether this is all there is, and later that it can again. */
  onStale?(log: Log): void;
  onFresh?(log: Log): void;
  /** An event was handled, or the position changed otherwise. */
  onPosition?(log: Log): void;
  /** The log is closed, and all of it was seen. */
  onComplete?(log: Log): void;
}

export interface ResumeOptions extends ResumeCallbacks {
  /**
   * Where a log starts when its channel is subscribed to, for all channels or by name.
   * Without it, and for channels that have no log, the relay's rule says it.
   */
  rewind?: Rewind | ((channel: string) => Rewind | undefined);
}

export interface Resumed {
  /** The log of a channel since it was subscribed to; undefined where there is nothing of one. */
  log(channel: string): Log | undefined;
  /** Gives the client back as it was. */
  stop(): void;
}

const resumed = new WeakSet<PusherClient>();

/**
 * Makes a pusher-js client continue each log where it was, through every reconnect:
 * its application is given every event once and in order, or is told. To be called
 * once a client, at best before it subscribes.
 *
 * @throws TypeError if the client is none, or an option is not as it must be.
 * @throws Error if the client is resumed already.
 */
export function resume(client: PusherClient, options: ResumeOptions = {}): Resumed {
  if (typeof options.rewind !== 'function') checkRewind(options.rewind);
  if (resumed.has(client)) throw new Error('resume: this client is resumed already; stop() ends that');
  const logs = new Logs(client, options);
  const unhook = hook(client, logs);
  resumed.add(client);
  return {
    log: (channel) => logs.find(channel),
    stop: () => {
      unhook();
      resumed.delete(client);
    },
  };
}

/** The logs of a client's channels. */
class Logs {
  private readonly byName = new Map<string, { readonly of: unknown; readonly log: ChannelLog }>();

  constructor(
    private readonly client: PusherClient,
    private readonly options: ResumeOptions,
  ) {}

  find(channel: string): ChannelLog | undefined {
    const known = this.byName.get(channel);
    return known?.of === this.client.channel(channel) ? known?.log : undefined;
  }

  sends(event: string, data: Record<string, unknown>): void {
    const channel = data['channel'];
    if (typeof channel !== 'string') return;
    if (event === 'pusher:subscribe') {
      const { rewind } = this.options;
      const wanted = typeof rewind === 'function' ? checkRewind(rewind(channel)) : rewind;
      Object.assign(data, this.get(channel)?.subscribe(wanted));
    }
    if (event === 'pusher:unsubscribe') this.byName.delete(channel);
  }

  receives(raw: unknown, pass: () => void): void {
    const frame = parseFrame(raw);
    const log = frame && (frame.at ? this.get(frame.channel) : this.find(frame.channel));
    if (!log) return pass(); // no log's, or of a channel that was left
    const verdict = log.receive(frame);
    for (const notice of verdict.notices) if (COMES_BEFORE[notice]) this.tell(notice, log);
    if (verdict.pass) pass();
    for (const notice of verdict.notices) if (!COMES_BEFORE[notice]) this.tell(notice, log);
  }

  disconnected(): void {
    for (const { log } of this.byName.values()) log.disconnected();
  }

  /** pusher-js makes a new channel when one is subscribed to anew: then the log starts anew. */
  private get(channel: string): ChannelLog | undefined {
    const of = this.client.channel(channel);
    const known = this.find(channel);
    if (known || !of) return known;
    const log = new ChannelLog(channel);
    this.byName.set(channel, { of, log });
    return log;
  }

  private tell(notice: Notice, log: ChannelLog): void {
    const { options } = this;
    switch (notice) {
      case 'gap':
        return options.onGap?.(log, log.gaps[log.gaps.length - 1]!);
      case 'reset':
        return options.onReset?.(log);
      case 'stale':
        return options.onStale?.(log);
      case 'fresh':
        return options.onFresh?.(log);
      case 'position':
        return options.onPosition?.(log);
      case 'complete':
        return options.onComplete?.(log);
    }
  }
}

/** Whether the application is told before the event is handed on, or after. */
const COMES_BEFORE: Readonly<Record<Notice, boolean>> = {
  gap: true,
  reset: true,
  stale: true,
  fresh: true,
  position: false,
  complete: false,
};

function checkRewind(rewind: Rewind | undefined): Rewind | undefined {
  if (rewind === undefined) return undefined;
  const { count, bytes, from, ...others } = Object(rewind) as Record<string, unknown>;
  const isCount = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 1;
  const given = [count, bytes, from].filter((value) => value !== undefined).length;
  const valid = isCount(count) || isCount(bytes) || from === 'start';
  if (given !== 1 || !valid || Object.keys(others).length > 0) {
    throw new TypeError(
      `resume: rewind must be {count: n}, {bytes: n} or {from: 'start'}, with n a whole number of at least 1, not ${JSON.stringify(rewind)}`,
    );
  }
  return rewind;
}
