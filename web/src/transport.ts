// The connection to the relay: pusher-js, which resumes its logs, over WebSockets or, where
// these are blocked, over HTTP.

import { resume } from 'buildrelay-resume';
import type { Gap, Log, Resumed } from 'buildrelay-resume';
import Pusher from 'pusher-js';
import type { Options } from 'pusher-js';
import type { Config } from './config';
import { Fallback } from './fallback';
import type { Identity } from './identity';
import { Persistence } from './persist';

/**
 * live: connected, every channel in use is subscribed, every log is all here.
 * connecting: the first time; reconnecting: later. catching-up: older events are on
 * their way. stale: the relay has lost sight of Redis. offline: the relay can't be
 * reached.
 */
export type Link = 'connecting' | 'live' | 'reconnecting' | 'catching-up' | 'stale' | 'offline';

interface Handlers {
  /** The backend does not allow the channel. */
  refused(): void;
  /** An event that is not about the channel itself, with its data parsed. */
  event(name: string, data: unknown): void;
}

/** For a channel without a log: what is published while one is not connected is lost. */
export interface ChannelHandlers extends Handlers {
  /** Subscribed, the first time or again after a reconnect. */
  subscribed(): void;
  /** Events were lost on the way here. */
  lost(): void;
}

/** For a channel with a log, which is read from its beginning. */
export interface LogHandlers extends Handlers {
  /** Events are missing before the next. */
  gap(gap: Gap): void;
  /** The next event begins another history. */
  reset(log: Log): void;
  /** Something else is known of the log. */
  changed(log: Log): void;
}

/** For who is on a channel; members are as pusher-js tells them. */
export interface PresenceHandlers {
  /** All who are there, the first time or again after a reconnect. */
  here(members: unknown): void;
  joined(member: unknown): void;
  left(member: unknown): void;
  /** Nobody knows any more, or yet: not connected, refused, failed. */
  unknown(): void;
}

const AUTH_PAUSE = 3_000;
/**
 * A connection without a sign of life is asked for one after this time. It is longer than the
 * 25 s between the relay's heartbeats over HTTP,
 */
const SILENCE = 30_000;
/** and is taken for dead when none comes. */
const PATIENCE = 6_000;

export class Relay {
  private readonly pusher: Pusher;
  private readonly resumed: Resumed;
  private readonly logs = new Map<string, LogHandlers>();
  private readonly presences = new Map<string, PresenceHandlers>();
  /** The channels in use. */
  private readonly used = new Set<string>();
  /** Those whose subscription the link waits for. */
  private readonly pending = new Set<string>();
  private readonly listeners = new Set<(link: Link) => void>();
  private readonly persistence = new Persistence(
    () => this.restart(),
    () => this.setOffline(true),
  );
  private readonly fallback: Fallback;
  private connected = false;
  private offline = false;
  private restarting = false;
  private wasLive = false;
  private state: Link = 'connecting';

  constructor(config: Config, identity: Identity) {
    this.pusher = new Pusher(config.key, {
      ...whereabouts(config),
      enabledTransports: ['ws', 'xhr_streaming', 'xhr_polling'], // over TLS too, when forceTLS says so
      activityTimeout: SILENCE,
      pongTimeout: PATIENCE,
      channelAuthorization: {
        endpoint: config.authEndpoint,
        transport: 'ajax',
        paramsProvider: () => identity.claim(),
      },
    });
    this.resumed = this.resume();
    this.fallback = new Fallback(() => this.connectAnew(), webSockets(config));
    this.watchConnection();
    this.persistence.down(false);
  }

  get link(): Link {
    return this.state;
  }

  /** Calls back after every change of the link, until the function it returns is called. */
  onLink(listener: (link: Link) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Subscribes to a channel without a log; the function it returns ends that. */
  open(name: string, handlers: ChannelHandlers): () => void {
    return this.subscribe(name, handlers, (event) => {
      if (event === 'pusher:subscription_succeeded') handlers.subscribed();
      if (event === 'relay:lost') handlers.lost();
    });
  }

  /** Reads the log of a channel, from its beginning; the function it returns ends that. */
  openLog(name: string, handlers: LogHandlers): () => void {
    this.logs.set(name, handlers);
    const leave = this.subscribe(name, handlers, () => this.logChanged(this.resumed.log(name)));
    return () => {
      this.logs.delete(name);
      leave();
    };
  }

  /**
   * Becomes a member of a channel, until the function it returns is called. The link does
   * not wait for it: a build can be read without knowing who else reads it.
   */
  openPresence(name: string, handlers: PresenceHandlers): () => void {
    this.presences.set(name, handlers);
    const failed = { refused: () => handlers.unknown(), event: () => {} };
    const leave = this.subscribe(name, failed, (event, data) => {
      if (event === 'pusher:subscription_succeeded') handlers.here(data);
      if (event === 'pusher:member_added') handlers.joined(data);
      if (event === 'pusher:member_removed') handlers.left(data);
      if (event === 'pusher:subscription_error') handlers.unknown();
    });
    return () => {
      this.presences.delete(name);
      leave();
    };
  }

  private resume(): Resumed {
    const changed = (log: Log) => this.logChanged(log);
    return resume(this.pusher, {
      rewind: (channel) => (this.logs.has(channel) ? { from: 'start' } : undefined),
      onGap: (log, gap) => this.logs.get(log.channel)?.gap(gap),
      onReset: (log) => this.logs.get(log.channel)?.reset(log),
      onStale: changed,
      onFresh: changed,
      onPosition: changed,
      onComplete: changed,
    });
  }

  private logChanged(log: Log | undefined): void {
    if (log) this.logs.get(log.channel)?.changed(log);
    this.update();
  }

  /** `own` is told the events that are about the channel itself. */
  private subscribe(name: string, handlers: Handlers, own: (event: string, data: unknown) => void): () => void {
    this.used.add(name);
    this.setPending(name, true);
    const channel = this.pusher.subscribe(name);
    channel.bind_global((event: string, data: unknown) => {
      if (!/^(pusher|relay):/.test(event)) return handlers.event(event, data);
      if (event === 'pusher:subscription_succeeded') this.setPending(name, false);
      if (event === 'pusher:subscription_error') this.subscriptionFailed(name, data, handlers);
      own(event, data);
    });
    return () => {
      this.used.delete(name);
      channel.unbind_all();
      channel.unbind_global();
      this.pusher.unsubscribe(name);
      this.setPending(name, false);
    };
  }

  /** A refusal is final; anything else (the backend restarts, say) is tried again. */
  private subscriptionFailed(name: string, data: unknown, handlers: Handlers): void {
    const status = (data as { status?: unknown } | null)?.status;
    if (status === 400 || status === 403) {
      this.setPending(name, false);
      handlers.refused();
      return;
    }
    this.fallback.subscribing(this.pending.size > 0);
    setTimeout(() => {
      if (this.used.has(name)) this.pusher.subscribe(name);
    }, AUTH_PAUSE);
  }

  private watchConnection(): void {
    const connection = this.pusher.connection;
    connection.bind('state_change', (change: { current: string }) => this.connectionIs(change.current));
    // pusher-js stays 'connected' for the second that it waits after a close.
    connection.bind('connecting_in', () => this.connectionIs('connecting'));
  }

  private connectionIs(state: string): void {
    const connected = state === 'connected';
    if (this.connected && !connected) this.cut();
    if (connected) this.forgetLeft();
    this.connected = connected;
    if (connected) this.fallback.up(this.pusher.connection.connection.transport.name);
    else this.fallback.down();
    if (connected) this.persistence.up();
    else if (!this.restarting) this.persistence.down(state === 'disconnected');
    this.setOffline(this.offline && !connected);
  }

  private cut(): void {
    for (const name of this.used) if (!this.presences.has(name)) this.pending.add(name);
    for (const handlers of this.presences.values()) handlers.unknown();
  }

  /** pusher-js would subscribe again to what was left while its subscription was under way. */
  private forgetLeft(): void {
    for (const { name } of this.pusher.allChannels()) if (!this.used.has(name)) this.pusher.unsubscribe(name);
  }

  private restart(): void {
    this.restarting = true;
    this.pusher.disconnect();
    this.pusher.connect();
    this.restarting = false;
  }

  private connectAnew(): void {
    this.restart();
    this.persistence.down(false);
  }

  private setPending(name: string, pending: boolean): void {
    if (pending && !this.presences.has(name)) this.pending.add(name);
    else this.pending.delete(name);
    this.fallback.subscribing(this.pending.size > 0);
    this.update();
  }

  private setOffline(offline: boolean): void {
    this.offline = offline;
    this.update();
  }

  private update(): void {
    const next = this.offline ? 'offline' : this.linkNow();
    this.wasLive ||= next === 'live';
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener(next);
  }

  private linkNow(): Link {
    if (!this.connected || this.pending.size > 0) return this.wasLive ? 'reconnecting' : 'connecting';
    const states = [...this.logs.keys()].map((name) => this.resumed.log(name)?.state);
    if (states.includes('stale')) return 'stale';
    return states.includes('catching-up') ? 'catching-up' : 'live';
  }
}

/** Where the relay is, for all transports: pusher-js would ask others for what is not named. */
function whereabouts(config: Config): Options {
  const host = config.wsHost || location.hostname;
  return {
    cluster: '', // required by the type, unused with the hosts
    wsHost: host,
    httpHost: host,
    wsPort: config.wsPort,
    httpPort: config.wsPort,
    wssPort: config.wssPort,
    httpsPort: config.wssPort,
    forceTLS: config.forceTLS,
    enableStats: false,
  };
}

/**
 * A second client, for trying whether WebSockets work beside the connection. If they do
 * pusher-js remembers it for all clients of the page's origin, and begins with them next.
 */
function webSockets(config: Config): (works: () => void) => () => void {
  let pusher: Pusher | undefined;
  return (works) => {
    const client = (pusher ??= new Pusher(config.key, { ...whereabouts(config), enabledTransports: ['ws'] }));
    client.connection.bind('connected', works);
    client.connect();
    return () => {
      client.connection.unbind('connected', works);
      client.disconnect();
    };
  };
}
