import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { Identity } from './identity';
import { Relay } from './transport';

const WATCHERS = 'presence-build-7';
const BUILDS = 'private-builds';

/** A relay and a backend, as far as a page can tell: they say what a test has them say. */
class Fake {
  /** What has been subscribed and unsubscribed, "+channel" and "-channel". */
  readonly heard: string[] = [];
  readonly asked: URLSearchParams[] = [];
  /** The status of the backend's next answers; 200 when there is no other. */
  readonly statuses: number[] = [];
  /** Channels whose subscription succeeds later. */
  readonly held = new Set<string>();
  private readonly http: Server = createServer((request, response) => void this.answer(request, (status, body) => response.writeHead(status).end(body)));
  private readonly sockets = new WebSocketServer({ server: this.http });
  private socket: WebSocket | undefined;

  async start(): Promise<void> {
    this.sockets.on('connection', (socket) => this.greet(socket));
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  say(channel: string, event: string, data: object): void {
    this.socket!.send(JSON.stringify({ event, channel, data: JSON.stringify(data) }));
  }

  succeed(channel: string): void {
    const presence = { count: 1, ids: ['ann'], hash: { ann: { name: 'Ann' } } };
    this.say(channel, 'pusher_internal:subscription_succeeded', channel === WATCHERS ? { presence } : {});
  }

  cut(): void {
    this.socket!.terminate();
  }

  close(): void {
    this.sockets.clients.forEach((socket) => socket.terminate());
    this.http.closeAllConnections();
    this.http.close();
  }

  private async answer(request: IncomingMessage, reply: (status: number, body: string) => void): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    this.asked.push(new URLSearchParams(body));
    reply(this.statuses.shift() ?? 200, JSON.stringify({ auth: 'key:signature', channel_data: '{"user_id":"me"}' }));
  }

  private greet(socket: WebSocket): void {
    this.socket = socket;
    const greeting = JSON.stringify({ socket_id: '1.2', activity_timeout: 120 });
    socket.send(JSON.stringify({ event: 'pusher:connection_established', data: greeting }));
    socket.on('message', (raw) => {
      const { event, data } = JSON.parse(String(raw)) as { event: string; data: { channel: string } };
      if (event === 'pusher:subscribe') this.heard.push(`+${data.channel}`);
      if (event === 'pusher:unsubscribe') this.heard.push(`-${data.channel}`);
      if (event === 'pusher:subscribe' && !this.held.has(data.channel)) this.succeed(data.channel);
    });
  }
}

let fake: Fake;
let relay: Relay;
let told: string[];
const identity = new Identity(
  () => ({ getItem: () => JSON.stringify({ id: '0'.repeat(32), name: 'Calm Otter & co' }), setItem: () => {} }),
  new EventTarget(),
);

beforeEach(async () => {
  vi.spyOn(console, 'warn').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
  told = [];
  fake = new Fake();
  await fake.start();
  const { port } = fake;
  const authEndpoint = `http://127.0.0.1:${port}/pusher/auth`;
  relay = new Relay({ key: 'key', wsHost: '127.0.0.1', wsPort: port, wssPort: port, forceTLS: false, authEndpoint }, identity);
});

afterEach(() => {
  fake.close();
  vi.restoreAllMocks();
});

function watch(): () => void {
  const mine = told; // a page of an earlier test may still be at work
  return relay.openPresence(WATCHERS, {
    here: (members) => mine.push(`here ${JSON.stringify((members as { members: object }).members)}`),
    joined: (member) => mine.push(`joined ${JSON.stringify(member)}`),
    left: (member) => mine.push(`left ${JSON.stringify(member)}`),
    unknown: () => mine.push('unknown'),
  });
}

const list = () => relay.open(BUILDS, { subscribed: () => {}, lost: () => {}, refused: () => {}, event: () => {} });
const until = (what: () => void) => vi.waitFor(what, { timeout: 10_000, interval: 10 });
const toldIs = (...all: string[]) => until(() => expect(told).toEqual(all));
const heardIs = (...all: string[]) => until(() => expect([...fake.heard].sort()).toEqual([...all].sort()));

const HERE = 'here {"ann":{"name":"Ann"}}';
vi.setConfig({ testTimeout: 20_000 });

test('who is on a channel is told, from coming to leaving', async () => {
  const leave = watch();
  await toldIs(HERE);
  expect(Object.fromEntries(fake.asked[0]!)).toMatchObject({ channel_name: WATCHERS, user_id: '0'.repeat(32), user_name: 'Calm Otter & co' });
  fake.say(WATCHERS, 'pusher_internal:member_added', { user_id: 'bob', user_info: { name: 'Bob' } });
  fake.say(WATCHERS, 'pusher_internal:member_removed', { user_id: 'bob' });
  await toldIs(HERE, 'joined {"id":"bob","info":{"name":"Bob"}}', 'left {"id":"bob","info":{"name":"Bob"}}');
  leave();
  await heardIs(`+${WATCHERS}`, `-${WATCHERS}`);
});

test('after a cut nobody knows, until all are told anew', async () => {
  watch();
  await toldIs(HERE);
  fake.cut();
  await toldIs(HERE, 'unknown', HERE);
});

test('the link is live without it', async () => {
  fake.held.add(WATCHERS);
  watch();
  list();
  await until(() => expect(relay.link).toBe('live'));
  fake.cut();
  await until(() => expect(relay.link).toBe('reconnecting'));
  await until(() => expect(relay.link).toBe('live'));
  expect(told).toEqual(['unknown']);
});

test.each([400, 403])('a refusal by %i is final', async (status) => {
  fake.statuses.push(status);
  watch();
  await until(() => expect(told).toContain('unknown'));
  list();
  await until(() => expect(relay.link).toBe('live'));
  expect(fake.heard).toEqual([`+${BUILDS}`]);
});

test('a failure is none', async () => {
  fake.statuses.push(500);
  watch();
  await toldIs('unknown', HERE);
});

test('what was left while its subscription was under way is not taken up by a new connection', async () => {
  fake.held.add(WATCHERS).add(BUILDS);
  const leaving = [watch(), list()];
  await heardIs(`+${BUILDS}`, `+${WATCHERS}`);
  for (const leave of leaving) leave();
  fake.held.clear();
  fake.cut();
  const news = { lost: () => {}, refused: () => {}, event: () => {} };
  for (const name of ['news', 'private-news']) {
    relay.open(name, { ...news, subscribed: () => told.push(name) });
    await until(() => expect(told).toContain(name));
  }
  expect(relay.link).toBe('live');
  expect(fake.asked.map((asked) => asked.get('channel_name')).sort()).toEqual([WATCHERS, BUILDS, 'private-news']);
});
