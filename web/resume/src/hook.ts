// The seam with pusher-js, the same in its versions 7 and 8. A message comes by
//
//   transport.emit('message', raw) → connection → channel.handleEvent → callbacks
//
// and only the raw one holds the position, so emit of each connection's transport is
// wrapped: the position is known before the event is handed on, and an event that was
// seen already is not handed on at all. Subscriptions leave through
// connection.send_event.

/** A pusher-js client, as far as it must be one. */
export interface PusherClient {
  readonly connection: object;
  channel(name: string): unknown;
}

export interface Hooks {
  /** A message is about to be sent; data may be changed in place. */
  sends(event: string, data: Record<string, unknown>): void;
  /** A message came. It goes on by calling pass, which returns when it was handled. */
  receives(raw: unknown, pass: () => void): void;
  disconnected(): void;
}

interface Emitter {
  bind(event: string, callback: (data: never) => void): void;
  unbind(event: string, callback: (data: never) => void): void;
}

interface Transport {
  emit(event: string, ...rest: unknown[]): unknown;
}

interface Manager extends Emitter {
  state: string;
  /** null while there is none. */
  connection: { transport?: Transport | null } | null;
  send_event(event: string, data: unknown, ...rest: unknown[]): unknown;
}

/** Hooks into a client until the function it returns is called. */
export function hook(client: PusherClient, hooks: Hooks): () => void {
  const manager = managerOf(client);
  const undoSending = wrapSending(manager, hooks);
  let undoReceiving = () => {};
  const changed = ({ current }: { current: string }) => {
    if (current === 'connected') undoReceiving = wrapReceiving(manager, hooks);
    else hooks.disconnected();
  };
  // pusher-js tells state_change before it subscribes and before anything can come.
  manager.bind('state_change', changed);
  if (manager.state === 'connected') undoReceiving = wrapReceiving(manager, hooks);
  return () => {
    manager.unbind('state_change', changed);
    undoReceiving();
    undoSending();
  };
}

function managerOf(client: PusherClient): Manager {
  const manager = client?.connection as Manager | undefined;
  const methods = [client?.channel, manager?.bind, manager?.unbind, manager?.send_event];
  if (methods.some((method) => typeof method !== 'function')) {
    throw new TypeError('resume: the client must be a pusher-js 7 or 8; with laravel-echo that is echo.connector.pusher');
  }
  return manager!;
}

function wrapSending(manager: Manager, hooks: Hooks): () => void {
  const send = manager.send_event;
  const wrapped: Manager['send_event'] = (event, data, ...rest) => {
    if (typeof data === 'object' && data !== null) hooks.sends(event, data as Record<string, unknown>);
    return send.call(manager, event, data, ...rest);
  };
  manager.send_event = wrapped;
  return () => {
    if (manager.send_event === wrapped) manager.send_event = send;
  };
}

function wrapReceiving(manager: Manager, hooks: Hooks): () => void {
  const transport = manager.connection?.transport;
  if (typeof transport?.emit !== 'function') {
    throw new TypeError('resume: this version of pusher-js has no transport that is known');
  }
  const emit = transport.emit;
  const wrapped: Transport['emit'] = (event, ...rest) => {
    if (event !== 'message') return emit.call(transport, event, ...rest);
    let passed = false;
    hooks.receives((rest[0] as { data?: unknown } | undefined)?.data, () => {
      passed = true;
      emit.call(transport, event, ...rest);
    });
    // What is not passed on is a sign of life nevertheless.
    return passed ? transport : emit.call(transport, 'activity');
  };
  transport.emit = wrapped;
  return () => {
    if (transport.emit === wrapped) transport.emit = emit;
  };
}
