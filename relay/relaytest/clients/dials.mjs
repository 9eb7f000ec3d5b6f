// What the program connects to, whichever library does so.
import { Socket } from 'node:net';

const open = new Map(); // sockets → addresses

// watchDials calls dialed with every address, as host:port, when it is first connected to.
export function watchDials(dialed) {
  const known = new Set();
  const connect = Socket.prototype.connect;
  Socket.prototype.connect = function (...args) {
    const address = addressOf(args);
    open.set(this, address);
    this.once('close', () => open.delete(this));
    if (!known.has(address)) dialed(address);
    known.add(address);
    return connect.apply(this, args);
  };
}

// cut ends all connections to an address at once, without a word.
export function cut(address) {
  for (const [socket, to] of open) {
    if (to === address) socket.destroy();
  }
}

// addressOf reads what connect is called with: options, which Node's own callers wrap in an
// array, or a port and a host.
function addressOf([first, second]) {
  const options = Array.isArray(first) ? first[0] : first;
  if (typeof options === 'object') return `${options.host ?? 'localhost'}:${options.port}`;
  return `${typeof second === 'string' ? second : 'localhost'}:${options}`;
}
