import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Identity } from './identity';
import type { PresenceHandlers } from './transport';
import { Watchers } from './watchers';

const ANN = 'a'.repeat(32);
const BOB = 'b'.repeat(32);
const ME = '0'.repeat(32);

/** A build's presence channel, and what the page shows of it. */
class World {
  shown: string | undefined = 'nothing yet';
  spoken: string[] = [];
  channel: PresenceHandlers | undefined;
  entered = 0;
  readonly identity = new Identity(
    () => ({ getItem: () => JSON.stringify({ id: ME, name: 'Calm Otter' }), setItem: () => {} }),
    new EventTarget(),
  );
  readonly watchers = new Watchers(7, this.identity, {
    watchers: (all) => {
      this.shown = all?.map(({ name, you, leaving }) => name + (you ? ' (you)' : '') + (leaving ? ' leaving' : '')).join(', ');
    },
    spoken: (text) => this.spoken.push(text),
  });

  constructor() {
    this.watchers.start((name, handlers) => {
      expect(name).toBe('presence-build-7');
      expect(this.channel).toBeUndefined();
      this.channel = handlers;
      this.entered++;
      return () => (this.channel = undefined);
    });
  }

  /** The relay tells who is there; the reader by the name it knows. */
  here(others: Record<string, unknown>, mine = this.identity.me.name): this {
    this.channel!.here({ members: { ...others, [ME]: { name: mine } }, count: 9, myID: ME });
    return this;
  }

  joined(id: string, name: unknown): this {
    this.channel!.joined({ id, info: { name } });
    return this;
  }

  left(id: string): this {
    this.channel!.left({ id, info: {} });
    return this;
  }
}

let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});

afterEach(() => {
  world.watchers.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test('all who watch are shown, the reader first', () => {
  world.here({ [ANN]: { name: 'Ann' }, [BOB]: { name: 'Bob' } });
  expect(world.shown).toBe('Calm Otter (you), Ann, Bob');
  expect(world.spoken).toEqual([]);
});

test('who comes is last, who goes fades', () => {
  world.here({ [BOB]: { name: 'Bob' } }).joined(ANN, 'Ann').left(BOB);
  expect(world.shown).toBe('Calm Otter (you), Bob leaving, Ann');
  vi.advanceTimersByTime(1500);
  expect(world.shown).toBe('Calm Otter (you), Ann');
  expect(world.spoken).toEqual(['Ann is watching', 'Bob has left']);
});

test('who comes back at once has not left, whatever the new name', () => {
  world.here({ [ANN]: { name: 'Ann' }, [BOB]: { name: 'Bob' } }).left(ANN).joined(ANN, 'Anna');
  vi.advanceTimersByTime(10_000);
  expect(world.shown).toBe('Calm Otter (you), Anna, Bob');
  expect(world.spoken).toEqual([]);
});

describe('nothing is shown', () => {
  test('before the relay has told who is there', () => {
    world.identity.rename('Ann');
    expect(world.shown).toBe('nothing yet');
  });

  test('while it cannot tell', () => {
    world.here({ [ANN]: { name: 'Ann' } }).left(ANN);
    world.channel!.unknown();
    expect(world.shown).toBeUndefined();
    vi.advanceTimersByTime(10_000);
    expect([world.shown, world.spoken]).toEqual([undefined, []]);
    world.here({ [BOB]: { name: 'Bob' } });
    expect(world.shown).toBe('Calm Otter (you), Bob');
  });
});

describe('another name', () => {
  test('is told by leaving and coming back, and the row stays', () => {
    world.here({ [ANN]: { name: 'Ann' } });
    world.identity.rename('Zoe');
    expect([world.shown, world.channel]).toEqual(['Zoe (you), Ann', undefined]);
    vi.advanceTimersByTime(400);
    world.here({ [ANN]: { name: 'Ann' } });
    vi.advanceTimersByTime(60_000);
    expect([world.shown, world.entered]).toEqual(['Zoe (you), Ann', 2]);
  });

  test('is told again while another tab keeps the old one, but not for ever', () => {
    world.here({});
    world.identity.rename('Zoe');
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(8000);
      if (world.channel) world.here({}, 'Calm Otter');
    }
    expect([world.shown, world.entered]).toEqual(['Zoe (you)', 5]);
    world.identity.rename('Zoe M.');
    vi.advanceTimersByTime(400);
    expect(world.here({}).entered).toBe(6);
  });

  test('and one more at once are told once', () => {
    world.here({});
    world.identity.rename('Zoe');
    vi.advanceTimersByTime(100);
    world.identity.rename('Zoe M.');
    vi.advanceTimersByTime(10_000);
    expect(world.here({}).entered).toBe(2);
  });

  test('hides the row when the way back is cut', () => {
    world.here({ [ANN]: { name: 'Ann' } });
    world.identity.rename('Zoe');
    vi.advanceTimersByTime(5000);
    expect(world.shown).toBeUndefined();
    world.here({});
    expect(world.shown).toBe('Zoe (you)');
  });
});

test('who looks at something else has left', () => {
  world.here({ [ANN]: { name: 'Ann' } }).left(ANN);
  world.identity.rename('Zoe');
  world.watchers.close();
  vi.advanceTimersByTime(10_000);
  world.identity.rename('Zoe M.');
  expect([world.channel, world.entered]).toEqual([undefined, 1]);
});

test('what is told of members is hostile', () => {
  for (const members of [null, 7, 'x', {}, { members: null }, { members: [] }]) world.channel!.here(members);
  const hash = JSON.parse(`{"__proto__":{"name":"Eve"},"constructor":null,"x":{"name":7},"y":{"name":"a\\u202eb"}}`);
  world.here(hash);
  for (const value of [null, 7, {}, { id: 7 }, { id: '' }]) {
    world.channel!.joined(value);
    world.channel!.left(value);
  }
  world.left('nobody');
  vi.advanceTimersByTime(10_000);
  world.here(hash);
  expect(world.shown).toBe('Calm Otter (you), Eve, Somebody, Somebody, ab');
});
