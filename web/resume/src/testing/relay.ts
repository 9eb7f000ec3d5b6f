// A relay as far as a client can tell: it greets, and says what a test has it say.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { succeeded } from './history.js';

export class FakeRelay {
  /** Data of each pusher:subscribe that came. */
  readonly subscribed: Record<string, unknown>[] = [];
  /** What is said after a subscription succeeded, for one subscription after the other. */
  readonly answers: string[][] = [];
  private readonly server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  private socket: WebSocket | undefined;

  static async start(): Promise<FakeRelay> {
    const relay = new FakeRelay();
    await once(relay.server, 'listening');
    relay.server.on('connection', (socket) => relay.greet(socket));
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  say(...messages: string[]): void {
    for (const message of messages) this.socket!.send(message);
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket!.terminate();
  }

  close(): void {
    this.server.clients.forEach((socket) => socket.terminate());
    this.server.close();
  }

  private greet(socket: WebSocket): void {
    this.socket = socket;
    const greeting = JSON.stringify({ socket_id: '1.2', activity_timeout: 120 });
    this.say(JSON.stringify({ event: 'pusher:connection_established', data: greeting }));
    socket.on('message', (raw) => {
      const { event, data } = JSON.parse(String(raw));
      if (event !== 'pusher:subscribe') return;
      this.subscribed.push(data);
      this.say(succeeded, ...(this.answers.shift() ?? []));
    });
  }
}
