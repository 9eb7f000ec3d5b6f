import type { Gap as ToldGap, Log } from 'buildrelay-resume';
import { describe, expect, test } from 'vitest';
import { BuildFeed } from './feed';
import type { FeedSink } from './feed';
import type { LogHandlers } from './transport';
import { gapTitle } from './words';

/** A channel and a recorder around one feed. */
class World {
  seen = '';
  told: string[] = [];
  left = false;
  channel!: LogHandlers;
  readonly feed: BuildFeed;

  constructor() {
    const sink: FeedSink = {
      started: ({ command }) => this.told.push(`started ${command}`),
      output: (pieces) => pieces.forEach((p) => (this.seen += 'text' in p ? p.text : `<${gapTitle(p.gap)}>`)),
      reset: () => (this.seen = ''),
      finished: ({ exitCode }) => this.told.push(`finished ${exitCode}`),
      logIs: ({ state }) => this.told.push(state),
      refused: () => this.told.push('refused'),
    };
    this.feed = new BuildFeed(7, sink);
    this.feed.start((name, handlers) => {
      expect(name).toBe('private-build-7');
      this.channel = handlers;
      return () => (this.left = true);
    });
  }

  output(data: object): this {
    this.channel.event('build:output', data);
    return this;
  }

  /** One line that says its number. */
  line(n: number): this {
    return this.output({ line: n, text: `${n}\n` });
  }

  finish(): this {
    this.channel.event('build:finished', { exit_code: 0, time: 5, lost: 0 });
    return this;
  }

  async file(): Promise<string> {
    return this.feed.recording.file().text();
  }
}

const gap = (change: Partial<ToldGap> = {}): ToldGap => ({
  reason: 'trimmed',
  from: '0:0-0',
  resumeAt: null,
  missing: 12,
  reset: false,
  ...change,
});

test('a build is reported from its start to its end', async () => {
  const world = new World();
  world.channel.event('build:started', { command: ['make', 'all'], time: 1 });
  world.line(1).line(2).finish();
  expect([world.seen, world.told]).toEqual(['1\n2\n', ['started make all', 'finished 0']]);
  expect(await world.file()).toBe('1\n2\n');
  world.feed.close();
  expect(world.left).toBe(true);
});

test('bytes come as text, and as they were in the file', async () => {
  const world = new World();
  world.output({ line: 1, base64: btoa('a\xf0\x9f') }).output({ line: 1, base64: btoa('\x98\x80\xff') });
  expect(world.seen).toBe('a😀\ufffd');
  expect([...new Uint8Array(await world.feed.recording.file().arrayBuffer())]).toEqual([0x61, 0xf0, 0x9f, 0x98, 0x80, 0xff]);
});

describe('what is missing', () => {
  test('is a gap in its place, with its lines', async () => {
    const world = new World().line(1);
    world.channel.gap(gap());
    expect(world.seen).toBe('1\n');
    world.line(42);
    expect(world.seen).toBe('1\n<12 events are missing here, 40 lines>42\n');
    expect(await world.file()).toBe('1\n\n[12 events are missing here, 40 lines]\n42\n');
  });

  test('at the beginning is counted from the first line', () => {
    const world = new World();
    world.channel.gap(gap());
    expect(world.line(10).seen).toBe('<12 events are missing here, 9 lines>10\n');
  });

  test('has no lines where nobody counts them', () => {
    const world = new World().output({ text: 'x' });
    world.channel.gap(gap({ missing: null, reason: 'unavailable' }));
    expect(world.line(10).seen).toBe('x<Output is missing here>10\n');
  });

  test('before the end is shown before the end', () => {
    const world = new World().line(1);
    world.channel.gap(gap());
    expect(world.finish().seen).toBe('1\n<12 events are missing here>');
    expect(world.told).toEqual(['finished 0']);
  });

  test('on the side of the build is told by it', () => {
    const world = new World().line(1).output({ line: 2, lost: 4096 });
    expect(world.seen).toBe('1\n');
    expect(world.line(5).seen).toBe('1\n<4.1 kB of output are missing here, 3 lines>5\n');
  });

  test('on both sides is two gaps', () => {
    const world = new World().line(1);
    world.channel.gap(gap());
    world.output({ line: 5, lost: 0 }).line(7);
    expect(world.seen).toBe('1\n<12 events are missing here, 3 lines><Output is missing here, 2 lines>7\n');
  });

  test('ends a character that is not finished', () => {
    const world = new World().output({ line: 1, base64: btoa('\xf0\x9f') });
    world.channel.gap(gap());
    expect(world.line(2).seen).toBe('\ufffd<12 events are missing here, 1 line>2\n');
  });
});

describe('another history', () => {
  const log = (...gaps: ToldGap[]) => ({ gaps }) as unknown as Log;

  test('replaces what was shown when it comes, not before', async () => {
    const world = new World().line(1).line(2);
    world.channel.gap(gap({ reason: 'epoch', missing: null, reset: true }));
    expect(world.seen).toBe('1\n2\n');
    world.channel.reset(log());
    world.line(1);
    expect([world.seen, await world.file()]).toEqual(['1\n', '1\n']);
  });

  test('begins with a gap where it lacks its beginning', () => {
    const world = new World().line(1);
    world.channel.gap(gap({ reason: 'epoch', missing: null, reset: true }));
    world.channel.reset(log(gap({ reason: 'epoch', missing: 4, reset: true })));
    expect(world.line(6).seen).toBe('<4 events are missing here, 5 lines>6\n');
  });
});

test('events that are not as documented change nothing', () => {
  const world = new World();
  for (const data of [null, 'x', 7, [], {}, { text: 7 }, { lost: -1 }, { base64: null }]) {
    world.output(data as object);
    for (const name of ['build:started', 'build:finished', 'constructor']) world.channel.event(name, data);
  }
  world.line(1);
  expect([world.seen, world.told]).toEqual(['1\n', []]);
});
