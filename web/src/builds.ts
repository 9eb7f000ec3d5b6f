// The list of builds, live. One for the whole page: the list shows all of it,
// a build's page one entry.

import { fetchBuilds } from './api';
import { parseBuild } from './model';
import type { Build } from './model';
import { Retry } from './retry';
import type { ChannelHandlers } from './transport';

export const BUILDS_CHANNEL = 'private-builds';
const PATIENCE = 2000;
const MAX_BUILDS = 100;
/** Clocks closer than this count as equal: the server's time is told to the second. */
const SAME_TIME = 2000;

/** Pure: the list and how updates and fetched lists go into it. */
export class BuildList {
  private readonly byId = new Map<number, Build>();
  /** Builds updated live since the fetch under way was started. */
  private fresh = new Set<number>();

  /** To be called before a list is asked for. */
  beginFetch(): void {
    this.fresh = new Set();
  }

  /** A live update: the newest there is. */
  update(build: Build): void {
    this.fresh.add(build.id);
    this.put(build);
  }

  /** The fetched list, which is all there is; a build that was updated meanwhile keeps its update. */
  fetched(builds: readonly Build[]): void {
    const listed = new Set(builds.map((build) => build.id));
    for (const id of this.byId.keys()) {
      if (!listed.has(id) && !this.fresh.has(id)) this.byId.delete(id);
    }
    for (const build of builds) {
      if (!this.fresh.has(build.id)) this.put(build);
    }
  }

  get(id: number): Build | undefined {
    return this.byId.get(id);
  }

  /** Newest first. */
  all(): Build[] {
    return [...this.byId.values()].sort((a, b) => b.id - a.id);
  }

  /**
   * A build that has ended never runs again, so such an update is an old one. A
   * backend that has begun anew may give the same number to another build.
   */
  private put(build: Build): void {
    const known = this.byId.get(build.id);
    const same = known?.started === build.started;
    if (same && known.status !== 'running' && build.status === 'running') return;
    this.byId.set(build.id, build);
    if (this.byId.size > MAX_BUILDS) this.byId.delete(Math.min(...this.byId.keys()));
  }
}

export class Builds {
  readonly list = new BuildList();
  /** Whether a list has arrived. */
  loaded = false;
  private skew = 0;
  private readonly loader = new Retry(() => this.load());
  private readonly listeners = new Set<() => void>();

  start(open: (channel: string, handlers: ChannelHandlers) => () => void): void {
    open(BUILDS_CHANNEL, {
      subscribed: () => this.loader.request(),
      refused: () => this.loader.request(),
      lost: () => this.loader.request(),
      event: (name, data) => this.event(name, data),
    });
    this.loader.request(PATIENCE);
  }

  /** The server's time, in milliseconds since the epoch: builds are timed by its clock. */
  now(): number {
    return Date.now() + this.skew;
  }

  /** Calls back after every change, until the function it returns is called. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private event(name: string, data: unknown): void {
    const build = name === 'build:updated' ? parseBuild(data) : undefined;
    if (!build) return;
    this.list.update(build);
    this.changed();
  }

  private async load(): Promise<void> {
    this.list.beginFetch();
    const { builds, serverTime } = await fetchBuilds();
    this.list.fetched(builds);
    this.loaded = true;
    const skew = serverTime === undefined ? 0 : serverTime - Date.now();
    this.skew = Math.abs(skew) > SAME_TIME ? skew : 0;
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
