// Every version of the clients loads here and says what the Go tests read, before
// any test against the relay relies on it.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { run, versions } from './driven.mjs';

// fakeRelay knows one handshake, one way to subscribe and one to sign in. On a presence
// channel the user "7" has been before; it goes when somebody sends a client event.
async function fakeRelay(t) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  await once(server, 'listening');
  server.on('connection', (socket) => {
    const tell = (event, data, channel) =>
      socket.send(JSON.stringify({ event, channel, data: JSON.stringify(data) }));
    tell('pusher:connection_established', { socket_id: '1.2', activity_timeout: 120 });
    socket.on('message', (bytes) => {
      const { event, data, channel } = JSON.parse(bytes);
      if (event === 'pusher:signin') tell('pusher:signin_success', { user_data: data.user_data });
      if (event === 'client-go') tell('pusher_internal:member_removed', { user_id: '7' }, channel);
      if (event !== 'pusher:subscribe') return;
      tell('pusher_internal:subscription_succeeded', presence(data), data.channel);
      tell('auth', data.auth, data.channel);
    });
  });
  return server.address().port;
}

function presence({ channel_data }) {
  if (!channel_data) return {};
  const { user_id, user_info } = JSON.parse(channel_data);
  return { presence: { count: 2, ids: ['7', user_id], hash: { 7: { name: 'Bob' }, [user_id]: user_info } } };
}

for (const version of versions('pusher-js-')) {
  for (const build of ['node', 'web']) {
    test(`pusher-js ${version}, ${build} build, subscribes to a private channel`, async (t) => {
      const port = await fakeRelay(t);
      const client = run(t, 'pusher.mjs', version, {
        key: 'K', secret: 'S', host: '127.0.0.1', port, build,
      });
      client.send({ do: 'connect' });
      await client.next((said) => said.type === 'state' && said.current === 'connecting');
      const { socket_id } = await client.next((said) => said.current === 'connected');
      assert.equal(socket_id, '1.2');
      client.send({ do: 'subscribe', channel: 'private-a' });
      await client.next((said) => said.type === 'event' && said.event === 'pusher:subscription_succeeded');
      const { data, channel } = await client.next((said) => said.type === 'event' && said.event === 'auth');
      assert.equal(channel, 'private-a');
      assert.match(data, /^K:[0-9a-f]{64}$/);
      client.send({ do: 'disconnect' });
      await client.next((said) => said.current === 'disconnected');
      client.child.stdin.end();
      const [code] = await once(client.child, 'exit');
      assert.equal(code, 0);
    });
  }
}

const member = { user_id: '5', user_info: { name: 'Ann' } };

for (const version of versions('pusher-js-')) {
  test(`pusher-js ${version} says who is on a presence channel`, async (t) => {
    const port = await fakeRelay(t);
    const client = run(t, 'pusher.mjs', version, { key: 'K', secret: 'S', host: '127.0.0.1', port, member });
    client.send({ do: 'connect' });
    await client.next((said) => said.current === 'connected');
    client.send({ do: 'subscribe', channel: 'presence-a' });
    await client.next((said) => said.type === 'event' && said.event === 'pusher:subscription_succeeded');
    client.send({ do: 'members', channel: 'presence-a' });
    const { data } = await client.next((said) => said.type === 'members');
    assert.deepEqual(data, { members: { 5: { name: 'Ann' }, 7: { name: 'Bob' } }, count: 2, myID: '5' });
    client.send({ do: 'trigger', channel: 'presence-a', event: 'client-go', data: {} });
    const left = await client.next((said) => said.type === 'event' && said.event === 'pusher:member_removed');
    assert.equal(left.data.id, '7');
  });
}

for (const version of versions('pusher-js-').filter((version) => parseInt(version, 10) >= 8 || version === '7.6.0')) {
  test(`pusher-js ${version} signs in`, async (t) => {
    const port = await fakeRelay(t);
    const user = { id: '5', user_info: { name: 'Ann' } };
    const client = run(t, 'pusher.mjs', version, { key: 'K', secret: 'S', host: '127.0.0.1', port, user });
    client.send({ do: 'connect' });
    await client.next((said) => said.current === 'connected');
    client.send({ do: 'signin' });
    const { data } = await client.next((said) => said.type === 'message' && said.event === 'pusher:signin_success');
    assert.deepEqual(JSON.parse(data.user_data), user);
    await client.next((said) => said.type === 'message' && said.channel === '#server-to-user-5');
    await client.next((said) => said.type === 'user' && said.event === 'auth');
  });
}

for (const version of versions('laravel-echo-')) {
  test(`laravel-echo ${version} joins and whispers`, async (t) => {
    const port = await fakeRelay(t);
    const client = run(t, 'pusher.mjs', '8.6.0', { key: 'K', secret: 'S', host: '127.0.0.1', port, echo: version, member });
    client.send({ do: 'connect' });
    await client.next((said) => said.current === 'connected');
    client.send({ do: 'subscribe', channel: 'presence-a' });
    const here = await client.next((said) => said.type === 'echo' && said.event === 'here');
    assert.deepEqual(here.data, [{ name: 'Ann' }, { name: 'Bob' }]);
    client.send({ do: 'trigger', channel: 'presence-a', event: 'client-go', data: {} });
    const left = await client.next((said) => said.type === 'echo' && said.event === 'leaving');
    assert.deepEqual(left.data, { name: 'Bob' });
  });

  test(`laravel-echo ${version} subscribes to a private channel`, async (t) => {
    const port = await fakeRelay(t);
    const client = run(t, 'pusher.mjs', '8.6.0', { key: 'K', secret: 'S', host: '127.0.0.1', port, build: 'node', echo: version });
    client.send({ do: 'connect' });
    await client.next((said) => said.current === 'connected');
    client.send({ do: 'subscribe', channel: 'private-a' });
    await client.next((said) => said.type === 'event' && said.event === 'pusher:subscription_succeeded');
    await client.next((said) => said.type === 'event' && said.event === 'auth');
  });
}

// fakeAPI answers every request with what it was asked, or with 400 for an event
// named "bad".
async function fakeAPI(t) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      response.statusCode = body.includes('"bad"') ? 400 : 200;
      response.end(JSON.stringify({ path: request.url.split('?')[0], body }));
    });
  });
  t.after(() => server.close().closeAllConnections());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

for (const version of versions('pusher-').filter((name) => !name.startsWith('js-'))) {
  test(`pusher SDK ${version} publishes and reports a refusal`, async (t) => {
    const port = await fakeAPI(t);
    const sdk = run(t, 'publish.mjs', version, {
      host: '127.0.0.1', port, appId: '3', key: 'K', secret: 'S',
    });
    sdk.send({ do: 'trigger', channels: ['a'], event: 'e', data: 'd', socket_id: '1.2' });
    const sent = await sdk.next(() => true);
    assert.equal(sent.status, 200, JSON.stringify(sent));
    const { path, body } = JSON.parse(sent.body);
    assert.equal(path, '/apps/3/events');
    assert.deepEqual(JSON.parse(body), { name: 'e', data: 'd', channels: ['a'], socket_id: '1.2' });

    sdk.send({ do: 'get', path: '/channels', params: {} });
    assert.equal(JSON.parse((await sdk.next(() => true)).body).path, '/apps/3/channels');

    sdk.send({ do: 'trigger', channels: ['a'], event: 'bad', data: 'd' });
    const refused = await sdk.next(() => true);
    assert.equal(refused.status, 400);
    assert.ok(refused.error);
  });
}

for (const version of versions('pusher-').filter((name) => !name.startsWith('js-'))) {
  test(`pusher SDK ${version} validates webhooks`, async (t) => {
    const sdk = run(t, 'publish.mjs', version, { host: '127.0.0.1', port: 1, appId: '3', key: 'K', secret: 'S' });
    const body = '{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"é"}]}';
    const headers = {
      'content-type': 'application/json',
      'x-pusher-key': 'K',
      'x-pusher-signature': createHmac('sha256', 'S').update(body).digest('hex'),
    };
    const validate = async (more) => {
      sdk.send({ do: 'webhook', headers, body, ...more });
      return sdk.next(() => true);
    };
    const events = [{ name: 'channel_occupied', channel: 'é' }];
    assert.deepEqual(await validate({}), { status: 200, valid: true, events, time: 1327078148132 });
    const lie = { status: 200, valid: false };
    assert.deepEqual(await validate({ body: body + ' ' }), lie);
    assert.deepEqual(await validate({ headers: { ...headers, 'x-pusher-key': 'L' } }), lie);
    assert.deepEqual(await validate({ headers: { ...headers, 'content-type': 'application/json; charset=utf-8' } }), lie);
  });
}
