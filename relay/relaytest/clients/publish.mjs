// A real Pusher server SDK for Node, driven from outside.
//
//   node publish.mjs VERSION OPTIONS
//
// OPTIONS is JSON: host, port, tls, appId, key, secret. Commands, one JSON value
// a line on stdin, each answered by one line on stdout:
//
//   {"do":"trigger","channels":[…],"event":E,"data":D,"socket_id":S,"info":I}
//   {"do":"batch","batch":[{"channel":C,"name":E,"data":D},…]}
//   {"do":"user","user":U,"event":E,"data":D}     sendToUser, in SDKs that have it
//   {"do":"terminate","user":U}                   terminateUserConnections, likewise
//   {"do":"get","path":"/channels","params":{…}}
//   {"do":"post","path":"/…","body":{…}}
//
// The answer is {"status":200,"body":"…"}; error is set besides when the SDK
// reported one, and then status is 0 if there was no HTTP answer at all.
//
//   {"do":"webhook","headers":{…},"body":"…"}     webhook(), with lower-case headers
//
// is answered by {"status":200,"valid":…,"events":[…],"time":…}, as isValid(), getEvents()
// and getTime() (in ms) have it; by {"status":200,"valid":false} where they throw.
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

// params is the way each version names the socket that is not to get it, and what it
// is to be told of the channels: the older ones cannot ask.
function params({ socket_id, info }) {
  if (!socket_id && !info) return [];
  return promises ? [{ ...(socket_id && { socket_id }), ...(info && { info }) }] : [socket_id];
}

function validated(request) {
  const webhook = sdk.webhook(request);
  if (!webhook.isValid()) return { status: 200, valid: false };
  return { status: 200, valid: true, events: webhook.getEvents(), time: webhook.getTime().getTime() };
}

const commands = {
  trigger: ({ channels, event, data, ...more }) => answer('trigger', channels, event, data, ...params(more)),
  batch: ({ batch }) => answer('triggerBatch', batch),
  get: ({ path, params }) => answer('get', { path, params }),
  post: ({ path, body }) => answer('post', { path, body }),
  user: ({ user, event, data }) => answer('sendToUser', user, event, data),
  terminate: ({ user }) => answer('terminateUserConnections', user),
  webhook: ({ headers, body }) => validated({ headers, rawBody: body }),
};

await onLine(async (command) => say(await commands[command.do](command)));
