// resume with the clients that it is for, each of them against a relay that says what
// the test has it say.

import Echo from 'laravel-echo';
import Pusher8 from 'pusher-js';
import Pusher7 from 'pusher-js-7';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { resume } from './index.js';
import type { PusherClient, Rewind } from './index.js';
import { CHANNEL, gap, History, notice, succeeded } from './testing/history.js';
import { FakeRelay } from './testing/relay.js';

let relay: FakeRelay;
const clients: { disconnect(): void }[] = [];

beforeEach(async () => {
  relay = await FakeRelay.start();
});

afterEach(() => {
  clients.splice(0).forEach((client) => client.disconnect());
  relay.close();
});

const options = () => ({
  cluster: '',
  wsHost: '127.0.0.1',
  wsPort: relay.port,
  forceTLS: false,
  enabledTransports: ['ws' as const],
  authorizer: () => ({ authorize: (_: string, done: (error: null, auth: { auth: string }) => void) => done(null, { auth: 'K:S' }) }),
});

type Client = InstanceType<typeof Pusher8>;

function started<T extends { disconnect(): void }>(client: T): T {
  clients.push(client);
  return client;
}

/** Data of the events that a channel's application gets. */
function shownOf(client: Client): unknown[] {
  const shown: unknown[] = [];
  client.subscribe(CHANNEL).bind('line', (data: unknown) => shown.push(data));
  return shown;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The same history as numbers: pusher-js parses what is JSON. */
const history = new History();
for (let n = 1; n <= 20; n++) history.append('line', String(n));

const fromStart = { rewind: { from: 'start' } } as const;
const placed = (offset: number) => notice('position', { position: history.at(offset) }, history.at(offset));

const versions: [string, () => Client][] = [
  ['pusher-js 8', () => started(new Pusher8('K', options()))],
  ['pusher-js 7', () => started(new Pusher7('K', options()) as unknown as Client)],
  ['laravel-echo', () => started(new Echo({ broadcaster: 'pusher', Pusher: Pusher8, key: 'K', ...options() })).connector.pusher],
];

describe.each(versions)('%s', (_, connect) => {
  test('reads a log from where it is told, and continues after a cut', async () => {
    relay.answers.push([placed(0), ...history.messages(1, 8)], [placed(8), ...history.messages(9)]);
    const client = connect();
    const complete = vi.fn();
    const resumed = resume(client, { ...fromStart, onComplete: complete });
    const shown = shownOf(client);
    await vi.waitFor(() => expect(shown).toEqual(numbers(1, 8)));
    expect(relay.subscribed[0]).toEqual({ auth: 'K:S', channel: CHANNEL, rewind: { from: 'start' } });
    relay.cut();
    await vi.waitFor(() => expect(shown).toEqual(numbers(1, 20)), 5000);
    expect(relay.subscribed[1]).toEqual({ auth: 'K:S', channel: CHANNEL, since: history.at(8) });
    relay.say(history.final());
    await vi.waitFor(() => expect(complete).toHaveBeenCalledOnce());
    expect(resumed.log(CHANNEL)).toMatchObject({ channel: CHANNEL, complete: true, position: history.at(20), state: 'live' });
  });

  test('can be resumed when it has been connected and subscribed for long', async () => {
    const client = connect();
    const shown = shownOf(client);
    await vi.waitFor(() => expect(client.channel(CHANNEL).subscribed).toBe(true));
    const resumed = resume(client);
    relay.say(...history.messages(5, 6));
    await vi.waitFor(() => expect(shown).toEqual([5, 6]));
    relay.cut();
    await vi.waitFor(() => expect(relay.subscribed[1]).toMatchObject({ since: history.at(6) }), 5000);
    expect(resumed.log(CHANNEL)?.incomplete).toBe('late');
  });
});

describe('a client', () => {
  let client: Client;
  let shown: unknown[];

  beforeEach(() => {
    client = started(new Pusher8('K', options()));
  });

  async function reading(to: number, more: object = {}) {
    relay.answers.push([placed(0), ...history.messages(1, to)]);
    const resumed = resume(client, { ...fromStart, ...more });
    shown = shownOf(client);
    await vi.waitFor(() => expect(shown).toEqual(numbers(1, to)));
    return resumed;
  }

  test('knows the position of an event while it handles it', async () => {
    const resumed = resume(client, fromStart);
    const positions: unknown[] = [];
    client.subscribe(CHANNEL).bind('line', () => positions.push(resumed.log(CHANNEL)?.position));
    relay.answers.push([placed(0), ...history.messages(1, 3)]);
    await vi.waitFor(() => expect(positions).toEqual([1, 2, 3].map((n) => history.at(n))));
  });

  test('is told of what happens in the order of the events', async () => {
    const told: unknown[] = [];
    const tell = (what: string) => () => told.push(what);
    await reading(2, {
      onGap: (_: unknown, { missing }: { missing: number }) => told.push(`gap ${missing}`),
      onReset: tell('reset'),
      onStale: tell('stale'),
      onFresh: tell('fresh'),
      onComplete: tell('complete'),
    });
    client.channel(CHANNEL).bind('line', (n: number) => told.push(n));
    const next = new History('00000000000000bb');
    next.append('line', '1');
    relay.say(
      gap(history.at(9), { missing: 7, resume_at: history.at(10) }),
      ...history.messages(10, 11),
      notice('stale'),
      notice('fresh'),
      gap(next.at(0), { reason: 'epoch', reset: true, resume_at: next.at(1) }),
      ...next.messages(1),
      next.final(),
    );
    await vi.waitFor(() => expect(told.at(-1)).toBe('complete'));
    expect(told).toEqual(['gap 7', 10, 11, 'stale', 'fresh', 'gap null', 'reset', 1, 'complete']);
  });

  test('starts afresh when its application unsubscribes and subscribes again', async () => {
    const resumed = await reading(5);
    client.unsubscribe(CHANNEL);
    expect(resumed.log(CHANNEL)).toBe(undefined);
    relay.say(...history.messages(6, 7)); // were under way
    relay.answers.push([placed(0), ...history.messages(1, 7)]);
    shown = shownOf(client);
    await vi.waitFor(() => expect(shown).toEqual(numbers(1, 7)));
    expect(relay.subscribed[1]).toMatchObject({ rewind: { from: 'start' } });
  });

  test('waits while it is not subscribed', async () => {
    const resumed = await reading(1);
    expect(resumed.log(CHANNEL)?.state).toBe('live');
    client.disconnect();
    expect(resumed.log(CHANNEL)?.state).toBe('waiting');
  });

  test('takes what it drops as a sign of life', async () => {
    await reading(5);
    const active = vi.fn();
    (client.connection as unknown as { connection: typeof client.connection }).connection.bind('activity', active);
    relay.say(...history.messages(3, 6));
    await vi.waitFor(() => expect(shown).toEqual(numbers(1, 6)));
    expect(active).toHaveBeenCalledTimes(3);
  });

  test('can choose for each channel where it starts', async () => {
    const asked: string[] = [];
    resume(client, {
      rewind: (channel) => {
        asked.push(channel);
        return channel === CHANNEL ? { bytes: 100 } : undefined;
      },
    });
    client.subscribe(CHANNEL);
    client.subscribe('news');
    await vi.waitFor(() => expect(relay.subscribed.length).toBe(2));
    expect(asked).toEqual([CHANNEL, 'news']);
    expect(relay.subscribed).toMatchObject([{ rewind: { bytes: 100 } }, { channel: 'news', rewind: { from: 'rule' } }]);
  });

  test('is as it was when that is stopped', async () => {
    const resumed = await reading(5);
    expect(() => resume(client)).toThrow('resumed already');
    resumed.stop();
    relay.say(...history.messages(5, 6));
    await vi.waitFor(() => expect(shown).toEqual([1, 2, 3, 4, 5, 5, 6]));
    expect(() => resume(client)).not.toThrow();
  });

  test('may leave a channel in the middle of an event', async () => {
    const handled: unknown[] = [];
    resume(client, fromStart);
    client.subscribe(CHANNEL).bind('line', (n: unknown) => {
      handled.push(n);
      client.unsubscribe(CHANNEL);
    });
    relay.answers.push([placed(0), ...history.messages(1, 3), JSON.stringify({ event: 'over', data: '{}' })]);
    await new Promise((over) => client.bind('over', over));
    expect(handled).toEqual([1]);
  });

  test('is not disturbed by messages that are none', async () => {
    const resumed = await reading(1);
    relay.say('', 'x', succeeded, JSON.stringify({ event: 'line', data: '2', channel: CHANNEL, relay: 'nonsense' }));
    await vi.waitFor(() => expect(shown).toEqual([1, 2]));
    expect(resumed.log(CHANNEL)?.position).toBe(history.at(1));
  });
});

test.each([undefined, null, {}, { connection: {} }, { connector: { pusher: {} } }])('%o is no client', (client) => {
  expect(() => resume(client as unknown as PusherClient)).toThrow('echo.connector.pusher');
});

test.each([{}, { count: 0 }, { count: 1.5 }, { bytes: '7' }, { from: 'end' }, { count: 1, bytes: 1 }, { count: 1, to: 2 }, 7, null])(
  'rewind %o is refused',
  (rewind) => {
    const client = started(new Pusher8('K', options()));
    expect(() => resume(client, { rewind: rewind as unknown as Rewind })).toThrow("rewind must be {count: n}, {bytes: n} or {from: 'start'}");
  },
);
