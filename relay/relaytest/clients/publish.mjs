// A real Pusher server SDK for Node, driven from outside.
//
//   node publish.mjs VERSION OPTIONS
//
// OPTIONS is JSON: host, port, tls, appId, key, secret. Commands, one JSON value
// a line on stdin, each answered by one line on stdout:
//
//   {"do":"trigger","channels":[…],"event":E,"data":D,"socket_id":S}
//   {"do":"batch","batch":[{"channel":C,"name":E,"data":D},…]}
//   {"do":"get","path":"/channels","params":{…}}
//   {"do":"post","path":"/…","body":{…}}
//
// The answer is {"status":200,"body":"…"}; error is set besides when the SDK
// reported one, and then status is 0 if there was no HTTP answer at all.
import { createRequire } from 'node:module';
import { dieLoudly, onLine, say } from './lines.mjs';

dieLoudly();
const require = createRequire(import.meta.url);
const [version, given] = process.argv.slice(2);
const { tls, ...rest } = JSON.parse(given);
const Pusher = require(`pusher-${version}`);
const sdk = new Pusher({ ...rest, scheme: tls ? 'https' : 'http' });
const promises = parseInt(version, 10) >= 4;

// answer calls method either way and resolves to what it answered. SDKs before
// 4 take a callback (error, request, response), later ones return a promise.
async function answer(method, ...args) {
  try {
    if (promises) return await fetched(await sdk[method](...args));
    return await new Promise((resolve, reject) => {
      sdk[method](...args, (error, _request, response) =>
        error ? reject(error) : resolve({ status: response.statusCode, body: response.body }),
      );
    });
  } catch (error) {
    return {
      error: error.message,
      status: error.status ?? error.statusCode ?? 0,
      body: error.body ?? String(error.error ?? ''),
    };
  }
}

async function fetched(response) {
  return { status: response.status, body: await response.text() };
}

// excluding is the way each version names the socket that is not to get it.
function excluding(socketID) {
  if (!socketID) return [];
  return promises ? [{ socket_id: socketID }] : [socketID];
}

const commands = {
  trigger: ({ channels, event, data, socket_id }) =>
    answer('trigger', channels, event, data, ...excluding(socket_id)),
  batch: ({ batch }) => answer('triggerBatch', batch),
  get: ({ path, params }) => answer('get', { path, params }),
  post: ({ path, body }) => answer('post', { path, body }),
};

await onLine(async (command) => say(await commands[command.do](command)));
