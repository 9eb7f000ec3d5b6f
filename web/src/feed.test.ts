import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BuildFeed } from './feed';
import type { FeedSink, FeedState } from './feed';
import type { ChannelHandlers } from './transport';

const build = { id: 7, channel: 'private-build-7', command: 'make', status: 'running', started: 1 };
const batch = (seq: number) => ({ seq, offset: (seq - 1) * 2, text: `${seq}\n` });
const end = (seq: number) => ({ exit_code: 0, time: 5, seq, bytes: seq * 2, lost: 0 });

/** A backend, a channel and a recorder around one feed. */
class World {
  stored: object[] = [];
  finished: object | null = null;
  status = 200;
  fetches = 0;
  seen = '';
  ended = 0;
  states: FeedState[] = [];
  channel!: ChannelHandlers;
  readonly feed: BuildFeed;

  constructor() {
    vi.stubGlobal('fetch', async () => {
      this.fetches++;
      const body = JSON.stringify({ build, output: this.stored, finished: this.finished });
      return new Response(body, { status: this.status });
    });
    const sink: FeedSink = {
      build: () => {},
      output: (pieces) => pieces.forEach((p) => (this.seen += 'text' in p ? p.text : `<gap ${p.gap}>`)),
      finished: () => this.ended++,
      state: (state) => this.states.push(state),
    };
    this.feed = new BuildFeed(7, sink);
    this.feed.start((name, handlers) => {
      expect(name).toBe('private-build-7');
      this.channel = handlers;
      return () => {};
    });
  }

  store(...seqs: number[]): void {
    this.stored.push(...seqs.map(batch));
  }

  live(...seqs: number[]): void {
    for (const seq of seqs) this.channel.event('build:output', batch(seq));
  }

  async wait(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  get state(): FeedState | undefined {
    return this.states.at(-1);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a build that is over', () => {
  test('is fetched when its last events do not come', async () => {
    const world = new World();
    world.store(1);
    world.channel.subscribed();
    await world.wait(1);
    world.store(2);
    world.finished = end(2);
    world.feed.over();
    await world.wait(2001);
    expect(world.seen).toBe('1\n2\n');
    expect(world.ended).toBe(1);
  });

  test('is not fetched again when its last events came', async () => {
    const world = new World();
    world.channel.subscribed();
    await world.wait(1);
    world.feed.over();
    world.live(1);
    world.channel.event('build:finished', end(1));
    await world.wait(2001);
    expect(world.fetches).toBe(1);
  });
});

describe('joining', () => {
  test('fetches only after it is subscribed, and merges what came live meanwhile', async () => {
    const world = new World();
    await world.wait(100);
    expect(world.fetches).toBe(0);
    world.store(1, 2, 3);
    world.channel.subscribed();
    world.live(3, 4);
    expect(world.seen).toBe('');
    await world.wait(1);
    expect(world.seen).toBe('1\n2\n3\n4\n');
    expect(world.state).toBe('current');
  });

  test('shows the output even without a subscription', async () => {
    const world = new World();
    world.store(1);
    await world.wait(2000);
    expect(world.seen).toBe('1\n');
  });

  test('tries again while the backend fails', async () => {
    const world = new World();
    world.status = 500;
    world.store(1);
    world.channel.subscribed();
    await world.wait(1);
    expect(world.seen).toBe('');
    world.status = 200;
    await world.wait(600);
    expect(world.seen).toBe('1\n');
  });

  test('of an unknown build says so and does not insist', async () => {
    const world = new World();
    world.status = 404;
    world.channel.subscribed();
    await world.wait(60_000);
    expect(world.state).toBe('unknown-build');
    expect(world.fetches).toBeLessThanOrEqual(2);
  });

  test('a build that starts later is shown from its start', async () => {
    const world = new World();
    world.status = 404;
    world.channel.subscribed();
    await world.wait(3000);
    world.status = 200;
    world.store(1);
    world.channel.event('build:started', { time: 1 });
    await world.wait(1);
    expect(world.seen).toBe('1\n');
    expect(world.state).toBe('current');
  });
});

describe('what is missing', () => {
  async function joined(): Promise<World> {
    const world = new World();
    world.store(1);
    world.channel.subscribed();
    await world.wait(1);
    return world;
  }

  test('after a reconnect is fetched', async () => {
    const world = await joined();
    world.store(2, 3);
    world.channel.subscribed();
    await world.wait(1);
    expect(world.seen).toBe('1\n2\n3\n');
  });

  test('in the middle is fetched, not skipped', async () => {
    const world = await joined();
    world.store(2, 3, 4);
    world.live(4);
    expect(world.seen).toBe('1\n');
    await world.wait(400);
    expect(world.seen).toBe('1\n2\n3\n4\n');
  });

  test('that comes late by itself costs no fetch', async () => {
    const world = await joined();
    world.live(3, 2);
    expect(world.seen).toBe('1\n2\n3\n');
    expect(world.fetches).toBe(1);
  });

  test('is looked for although events keep coming', async () => {
    const world = await joined();
    world.store(2);
    for (let seq = 3; seq < 13; seq++) {
      world.live(seq);
      await world.wait(250);
    }
    expect(world.seen).toBe(Array.from({ length: 12 }, (_, i) => `${i + 1}\n`).join(''));
  });

  test('and told by the relay is fetched, and the reader is told meanwhile', async () => {
    const world = await joined();
    world.store(2);
    world.channel.lost(1);
    expect(world.state).toBe('behind');
    await world.wait(600);
    expect(world.seen).toBe('1\n2\n');
    expect(world.state).toBe('current');
  });

  test('for good is a gap in the end', async () => {
    const world = await joined();
    world.live(3);
    await world.wait(10_000);
    expect(world.seen).toBe('1\n');
    expect(world.state).toBe('behind');
    await world.wait(60_000);
    expect(world.seen).toBe('1\n<gap 2>3\n');
    expect(world.state).toBe('current');
  });

  test('and gone from the backend as well is a gap at once', async () => {
    const world = await joined();
    world.store(5);
    world.channel.subscribed();
    await world.wait(1);
    expect(world.seen).toBe('1\n<gap 6>5\n');
  });

  test('and counted by the publisher is a gap', async () => {
    const world = await joined();
    world.channel.event('build:output', { seq: 2, offset: 2, lost: 4096 });
    world.channel.event('build:output', { seq: 3, offset: 4098, text: 'x' });
    expect(world.seen).toBe('1\n<gap 4096>x');
  });

  test('is fetched once for many reasons at a time', async () => {
    const world = await joined();
    for (let i = 0; i < 50; i++) world.channel.lost(1);
    await world.wait(5000);
    expect(world.fetches).toBeLessThanOrEqual(3);
  });
});

describe('the end', () => {
  test('is told once, when all output is there', async () => {
    const world = new World();
    world.store(1, 2);
    world.channel.subscribed();
    world.channel.event('build:finished', end(2));
    expect(world.ended).toBe(0);
    await world.wait(1);
    expect(world.seen).toBe('1\n2\n');
    world.channel.event('build:finished', end(2));
    expect(world.ended).toBe(1);
  });

  test('waits for output that is missing', async () => {
    const world = new World();
    world.store(1);
    world.channel.subscribed();
    await world.wait(1);
    world.channel.event('build:finished', end(2));
    expect(world.ended).toBe(0);
    world.store(2);
    await world.wait(400);
    expect([world.seen, world.ended]).toEqual(['1\n2\n', 1]);
  });

  test('comes with a gap when the last output never arrives', async () => {
    const world = new World();
    world.store(1);
    world.finished = end(3);
    world.channel.subscribed();
    await world.wait(120_000);
    expect([world.seen, world.ended]).toEqual(['1\n<gap -1>', 1]);
  });

  test('of a finished build is in the fetch', async () => {
    const world = new World();
    world.store(1);
    world.finished = end(1);
    await world.wait(2000);
    expect([world.seen, world.ended]).toEqual(['1\n', 1]);
  });

  test('of a build without output', async () => {
    const world = new World();
    world.finished = end(0);
    await world.wait(2000);
    expect([world.seen, world.ended]).toEqual(['', 1]);
  });
});

test('events that are not as documented change nothing', async () => {
  const world = new World();
  world.channel.subscribed();
  await world.wait(1);
  const nonsense = [null, 'x', 7, [], {}, { seq: '1', text: 'a' }, { seq: 0, text: 'a' }, { seq: 1.5, text: 'a' }, { seq: 1 }];
  for (const data of nonsense) {
    world.channel.event('build:output', data);
    world.channel.event('build:finished', data);
    world.channel.event('constructor', data);
  }
  world.live(1);
  expect(world.seen).toBe('1\n');
});

test('a closed feed asks for nothing more', async () => {
  const world = new World();
  world.feed.close();
  world.channel.subscribed();
  await world.wait(60_000);
  expect(world.fetches).toBe(0);
});
