// The application's auth endpoint, on loopback, for clients of every age: old
// ones cannot be given a function that signs.
import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';

// startAuth resolves to the endpoint's address. It signs every private channel, and
// presence channels with `member` ({user_id, user_info}) as channel data, or without
// any where there is no member; for encrypted ones it tells the secret that Pusher's
// SDKs derive from masterKey (base64). Who asks for no channel signs in, as `user`
// ({id, user_info, watchlist}); without a user that is refused.
export function startAuth(options) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const form = new URLSearchParams(body);
      response.setHeader('Content-Type', 'application/json');
      const answer = form.has('channel_name') ? grant(options, form) : identify(options, form);
      if (!answer) response.statusCode = 403;
      response.end(JSON.stringify(answer ?? {}));
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}/auth`));
  });
}

function grant({ key, secret, member, masterKey }, form) {
  const channel = form.get('channel_name');
  const parts = [form.get('socket_id'), channel];
  const answer = {};
  if (channel.startsWith('presence-') && member) {
    answer.channel_data = JSON.stringify(member);
    parts.push(answer.channel_data);
  }
  if (channel.startsWith('private-encrypted-')) {
    const secretOf = createHash('sha256').update(channel).update(Buffer.from(masterKey, 'base64'));
    answer.shared_secret = secretOf.digest('base64');
  }
  answer.auth = sign(key, secret, parts.join(':'));
  return answer;
}

function identify({ key, secret, user }, form) {
  if (!user) return undefined;
  const userData = JSON.stringify(user);
  return { auth: sign(key, secret, `${form.get('socket_id')}::user::${userData}`), user_data: userData };
}

function sign(key, secret, text) {
  return `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`;
}
