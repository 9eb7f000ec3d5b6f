// The connection to the relay: stock pusher-js over WebSockets.

import Pusher from 'pusher-js';
import type { Config } from './config';
import { Persistence } from './persist';

/**
 * live: connected, and every channel in use is subscribed. connecting: the
 * first time; reconnecting: later. offline: the relay can't be reached.
 */
export type Link = 'connecting' | 'live' | 'reconnecting' | 'offline';

export interface ChannelHandlers {
  /** Subscribed, the first time or again after a reconnect. */
  subscribed(): void;
  /** The backend does not allow the channel. */
  refused(): void;
  /** Events of the channel were lost on the way here: how many, -1 when unknown. */
  lost(count: number): void;
  /** Any other event, with its data parsed. */
  event(name: string, data: unknown): void;
}

const AUTH_PAUSE = 3_000;

export class Relay {
  private readonly pusher: Pusher;
  private readonly pending = new Set<string>();
  private readonly listeners = new Set<(link: Link) => void>();
  private readonly persistence = new Persistence(
    () => this.restart(),
    () => this.setOffline(true),
  );
  private connected = false;
  private offline = false;
  private restarting = false;
  private wasLive = false;
  private state: Link = 'connecting';

  constructor(config: Config) {
    this.pusher = new Pusher(config.key, {
      cluster: '', // required by the type, unused with wsHost
      wsHost: config.wsHost || location.hostname,
      wsPort: config.wsPort,
      wssPort: config.wssPort,
      forceTLS: config.forceTLS,
      enabledTransports: ['ws'], // over TLS too, when forceTLS says so
      enableStats: false,
      channelAuthorization: { endpoint: config.authEndpoint, transport: 'ajax' },
    });
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

  /** Subscribes to a channel; the function it returns ends that. */
  open(name: string, handlers: ChannelHandlers): () => void {
    this.setPending(name, true);
    const channel = this.pusher.subscribe(name);
    channel.bind_global((event: string, data: unknown) => this.dispatch(name, event, data, handlers));
    return () => {
      channel.unbind_all();
      channel.unbind_global();
      this.pusher.unsubscribe(name);
      this.setPending(name, false);
    };
  }

  private dispatch(name: string, event: string, data: unknown, handlers: ChannelHandlers): void {
    if (event === 'pusher:subscription_succeeded') {
      this.setPending(name, false);
      handlers.subscribed();
    } else if (event === 'pusher:subscription_error') {
      this.subscriptionFailed(name, data, handlers);
    } else if (event === 'relay:lost') {
      handlers.lost(lostCount(data));
    } else if (!event.startsWith('pusher:')) {
      handlers.event(event, data);
    }
  }

  /** A refusal is final; anything else (the backend restarts, say) is tried again. */
  private subscriptionFailed(name: string, data: unknown, handlers: ChannelHandlers): void {
    const status = (data as { status?: unknown } | null)?.status;
    if (status === 403) {
      this.setPending(name, false);
      handlers.refused();
      return;
    }
    setTimeout(() => {
      if (this.pending.has(name)) this.pusher.subscribe(name);
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
    if (this.connected && !connected) {
      for (const channel of this.pusher.allChannels()) this.pending.add(channel.name);
    }
    this.connected = connected;
    if (connected) this.persistence.up();
    else if (!this.restarting) this.persistence.down(state === 'disconnected');
    this.setOffline(this.offline && !connected);
  }

  private restart(): void {
    this.restarting = true;
    this.pusher.disconnect();
    this.pusher.connect();
    this.restarting = false;
  }

  private setPending(name: string, pending: boolean): void {
    if (pending) this.pending.add(name);
    else this.pending.delete(name);
    this.update();
  }

  private setOffline(offline: boolean): void {
    this.offline = offline;
    this.update();
  }

  private update(): void {
    const waiting: Link = this.wasLive ? 'reconnecting' : 'connecting';
    const live = this.connected && this.pending.size === 0;
    const next: Link = this.offline ? 'offline' : live ? 'live' : waiting;
    this.wasLive ||= live;
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener(next);
  }
}

function lostCount(data: unknown): number {
  const count = (data as { count?: unknown } | null)?.count;
  return Number.isSafeInteger(count) ? (count as number) : -1;
}
