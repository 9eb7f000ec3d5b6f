// A real pusher-js, driven from outside.
//
//   node pusher.mjs VERSION OPTIONS
//
// OPTIONS is JSON: key, host, port, tls; and optionally build ('node' or 'web',
// see load.mjs), authEndpoint, or secret (then an auth endpoint is started here)
// and member (who we are on presence channels), user (who signs in) and masterKey (for
// encrypted channels); transports names those that are enabled (ws and wss if there are
// none, all if null), sockjs the one of SockJS' that 'sockjs' goes by (see load.mjs);
// pusher holds further options for the constructor as they are. resume holds options for
// resume() of web/resume, echo a version of laravel-echo that is to stand in front. terse
// leaves out what came in and was not given to anybody.
//
// Commands, one JSON value a line on stdin:
//
//   {"do":"connect"}                          the first makes the client, later ones call connect()
//   {"do":"subscribe","channel":C}            {"do":"unsubscribe","channel":C}
//   {"do":"bind","channel":C,"event":E}       reports the metadata (user_id) too
//   {"do":"trigger","channel":C,"event":E,"data":D}    a client event
//   {"do":"send","channel":C,"event":E,"data":D}       any event, as send_event does
//   {"do":"signin"}                           pusher-js 7.1 and later
//   {"do":"members","channel":C}              asks who is on a presence channel
//   {"do":"disconnect"}
//   {"do":"cut"}                              cuts the TCP connections, without a word
//   {"do":"offline"}                          {"do":"online"}    what a page is told by its browser
//
// Said on stdout, one JSON value a line:
//
//   {"type":"state","previous":…,"current":…,"socket_id":…,"transport":…}
//   {"type":"dialed","address":…}             host:port, when it is first connected to
//   {"type":"error","code":…,"message":…}     an error of the connection
//   {"type":"message","event":…,"channel":…,"data":…,"user_id":…}   each that came in, parsed
//   {"type":"event","event":…,"channel":…,"data":…}    given to bind_global of a channel
//   {"type":"bound","event":…,"channel":…,"data":…,"user_id":…}
//   {"type":"triggered","sent":…}             what trigger returned
//   {"type":"members","channel":…,"data":{"members":…,"count":…,"myID":…}}
//   {"type":"user","event":…,"data":…}        given to bind_global of the user who signed in
//   {"type":"watchlist","event":…,"data":…}   given to bind_global of the user's watchlist
//   {"type":"echo","event":"here",…}          given to laravel-echo's here, joining or leaving
//   {"type":"told","told":"gap","log":{…}}    what resume told, with what it knows of the log
//   {"type":"crash","message":…}              an error nobody caught; the process ends
import { startAuth } from './authserver.mjs';
import { cut, watchDials } from './dials.mjs';
import { dieLoudly, onLine, say } from './lines.mjs';
import { loadEcho, loadNacl, loadPusher, page } from './load.mjs';
import { loadResume } from './resume.mjs';

dieLoudly();
const [version, given] = process.argv.slice(2);
const options = { transports: ['ws', 'wss'], ...JSON.parse(given) };
watchDials((address) => say({ type: 'dialed', address }));
const Pusher = loadPusher(version, options.build, options.sockjs);
const authEndpoint = options.secret ? await startAuth(options) : options.authEndpoint;
const Echo = options.echo && (await loadEcho(options.echo));
const resume = options.resume && (await loadResume());
let client;
let echo;

function constructorOptions() {
  return {
    cluster: 'any',
    wsHost: options.host,
    httpHost: options.host,
    wsPort: options.port,
    wssPort: options.port,
    httpPort: options.port,
    httpsPort: options.port,
    encrypted: Boolean(options.tls),
    forceTLS: Boolean(options.tls),
    ...(options.transports && { enabledTransports: options.transports }),
    disableStats: true,
    authEndpoint,
    authTransport: 'ajax',
    userAuthentication: { endpoint: authEndpoint, transport: 'ajax' },
    ...(options.masterKey && { nacl: loadNacl() }),
    ...options.pusher,
  };
}

function start() {
  client = new Pusher(options.key, constructorOptions());
  if (Echo) echo = new Echo({ broadcaster: 'pusher', client });
  if (resume) resume(echo ? echo.connector.pusher : client, options.resume);
  const { connection } = client;
  // The constructor has connected already: its first change is told here.
  say({ type: 'state', previous: 'initialized', current: connection.state });
  connection.bind('state_change', ({ previous, current }) => {
    const transport = connection.connection?.transport?.name;
    say({ type: 'state', previous, current, socket_id: connection.socket_id, transport });
  });
  connection.bind('error', (error) => say({ type: 'error', ...described(error) }));
  connection.bind('message', ({ event, channel, data, user_id }) => {
    if (!options.terse) say({ type: 'message', event, channel, data, user_id });
  });
  const { user } = client;
  user?.bind_global((event, data) => say({ type: 'user', event, data }));
  user?.watchlist?.bind_global((event, data) => say({ type: 'watchlist', event, data }));
}

// Errors are {type, data: {code, message}} in newer versions, wrapped in
// {type, error} in older ones, and native objects when a socket failed.
function described(error) {
  const inner = (error && error.error) || error || {};
  const { code, message } = inner.data || inner;
  return { code: code ?? null, message: message ?? String(inner.type ?? inner) };
}

function bindAll(channel, name) {
  const bind = channel.bind_global || channel.bind_all;
  bind.call(channel, (event, data) => say({ type: 'event', event, channel: name, data }));
}

// echoName splits a channel's name as laravel-echo does: into the method that makes
// the channel and the name for it.
function echoName(name) {
  const kinds = { 'private-encrypted-': 'encryptedPrivate', 'private-': 'private', 'presence-': 'join', '': 'channel' };
  const prefix = Object.keys(kinds).find((start) => name.startsWith(start));
  return { method: kinds[prefix], bare: name.slice(prefix.length) };
}

// echoChannel is the channel that laravel-echo has, or makes, by that name.
function echoChannel(name) {
  const { method, bare } = echoName(name);
  return echo[method](bare);
}

// listen subscribes by way of laravel-echo, which has its own names: a dot stands in
// front of events that are none of Laravel's.
function listen(name) {
  const channel = echoChannel(name);
  channel.subscribed(() => say({ type: 'event', event: 'pusher:subscription_succeeded', channel: name }));
  channel.listenToAll((event, data) => say({ type: 'event', event: event.replace(/^\./, ''), channel: name, data }));
  for (const event of ['here', 'joining', 'leaving']) {
    channel[event]?.((data) => say({ type: 'echo', event, channel: name, data }));
  }
}

// listenFor binds an event of laravel-echo: a whisper, or one by its literal name.
function listenFor(name, event) {
  const channel = echoChannel(name);
  const tell = (data) => say({ type: 'bound', event, channel: name, data });
  if (event.startsWith('client-')) channel.listenForWhisper(event.slice('client-'.length), tell);
  else channel.listen(`.${event}`, tell);
}

const seen = new Set();

const commands = {
  connect: () => (client ? client.connect() : start()),
  disconnect: () => client.disconnect(),
  cut: () => cut(`${options.host}:${options.port}`),
  offline: () => page.dispatchEvent(new Event('offline')),
  online: () => page.dispatchEvent(new Event('online')),
  subscribe({ channel }) {
    if (echo) return listen(channel);
    const subscribed = client.subscribe(channel);
    if (!seen.has(subscribed)) bindAll(subscribed, channel);
    seen.add(subscribed);
  },
  unsubscribe({ channel }) {
    if (echo) return echo.leave(echoName(channel).bare);
    client.unsubscribe(channel);
  },
  bind({ channel, event }) {
    if (echo) return listenFor(channel, event);
    (channel ? client.channel(channel) : client).bind(event, (data, metadata) => {
      say({ type: 'bound', event, channel, data, user_id: metadata?.user_id });
    });
  },
  trigger({ channel, event, data }) {
    if (echo) return void echoChannel(channel).whisper(event.replace(/^client-/, ''), data);
    say({ type: 'triggered', sent: client.channel(channel).trigger(event, data) });
  },
  signin: () => client.signin(),
  members({ channel }) {
    const { members, count, myID } = client.channel(channel).members;
    say({ type: 'members', channel, data: { members, count, myID } });
  },
  send: ({ channel, event, data }) => client.send_event(event, data, channel),
};

await onLine((command) => commands[command.do](command));
