// Every version's HTTP transports run here, and say what the Go tests read.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { run, versions } from './driven.mjs';

const established = event('pusher:connection_established', { socket_id: '1.2', activity_timeout: 120 });

function event(name, data, channel) {
  return JSON.stringify({ event: name, channel, data: JSON.stringify(data) });
}

// fakeFallback has one session, which is told that it has subscribed, whatever it sends
// first. It takes note of the requests that receive, and closes the session at the last.
async function fakeFallback(t, last) {
  const received = [];
  let waiting; // a receive request that is to be told that it has subscribed
  let body = '';
  const server = createServer((request, response) => {
    const action = new URL(request.url, 'http://localhost').pathname.split('/').pop();
    if (action === 'xhr_send') {
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        response.writeHead(204).end();
        if (waiting && body.includes('subscribe')) succeed();
      });
      return;
    }
    received.push(action);
    if (action === 'xhr_streaming') response.write('h'.repeat(2048) + '\n');
    if (received.length === 1) {
      response.write(`o\na${JSON.stringify([established])}\n`);
      if (action === 'xhr') return response.end();
    }
    if (received.length === last) return response.end('c[4009,"enough"]\n');
    waiting = response;
    if (body.includes('subscribe')) succeed();
  });
  function succeed() {
    const [told, action] = [waiting, received.at(-1)];
    waiting = undefined;
    told.write(`a${JSON.stringify([event('pusher_internal:subscription_succeeded', {}, 'private-é')])}\n`);
    // More than a client takes in one response: it asks for the next one.
    if (action === 'xhr_streaming') told.write('h'.repeat(256 * 1024) + '\n');
    else told.end();
  }
  t.after(() => server.close().closeAllConnections());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, received };
}

for (const version of versions('pusher-js-')) {
  for (const build of version === '3.0.0' ? ['web'] : ['node', 'web']) {
    for (const transport of ['xhr_streaming', 'xhr_polling']) {
      test(`pusher-js ${version}, ${build} build, connects by ${transport}`, { timeout: 30_000 }, async (t) => {
        const last = transport === 'xhr_polling' ? 3 : 2; // a poll ends with what it was told
        const { port, received } = await fakeFallback(t, last);
        const client = run(t, 'pusher.mjs', version, {
          key: 'K', secret: 'S', host: '127.0.0.1', port, build, transports: [transport],
        });
        client.send({ do: 'connect' });
        const dialed = await client.next((said) => said.type === 'dialed');
        assert.equal(dialed.address, `127.0.0.1:${port}`);
        const connected = await client.next((said) => said.current === 'connected');
        assert.deepEqual([connected.socket_id, connected.transport], ['1.2', transport]);
        client.send({ do: 'subscribe', channel: 'private-é' });
        await client.next((said) => said.type === 'event' && said.event === 'pusher:subscription_succeeded');
        await client.next((said) => said.type === 'error' && said.code === 4009);
        assert.equal(received.length, last);
      });
    }
  }
}
