// A real OpenID provider, on loopback, with users who need no password.
//
//   node issuer.mjs oidc-provider OPTIONS
//
// OPTIONS is JSON: users ({"ada": {"name": "Ada", …}}, what tokens say of each), client (the
// audience of ID tokens), resource (an URI, the audience of access tokens), cert and key (PEM
// files, for https). It says {"issuer": …} when it listens. Commands, one JSON value a line on
// stdin, each answered by one line on stdout:
//
//   {"do":"login","user":"ada"}      a browser's way through the code flow: {"status":200,"id_token":…,"access_token":…}
//   {"do":"rotate","keep":true}      signs with a new key from now on, and shows the old ones still, or not: {"status":200}
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import Provider from 'oidc-provider';
import { dieLoudly, onLine, say } from './lines.mjs';

dieLoudly();
console.warn = console.info = () => {}; // what it thinks of a provider for tests
const { users, client, resource, cert, key } = JSON.parse(process.argv[3]);
const redirect = 'https://ci.example.com/callback';
const scope = 'openid builds';
const claims = [...new Set(Object.values(users).flatMap(Object.keys))];
const cookieKeys = [randomBytes(16).toString('hex')];
let keys = [];
let provider;

const listener = (request, response) => provider.callback()(request, response);
const server = cert
  ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, listener)
  : http.createServer(listener);
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `${cert ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;

// rotate makes it another provider of the same name, that signs with a key of its own.
function rotate(keep) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const next = { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex'), use: 'sig', alg: 'RS256' };
  keys = [next, ...(keep ? keys : [])];
  provider = new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: cookieKeys },
    clients: [{ client_id: client, client_secret: 'secret-of-the-client', redirect_uris: [redirect] }],
    claims: { openid: ['sub'], builds: claims },
    scopes: ['openid', 'builds'],
    conformIdTokenClaims: false,
    findAccount: (_, id) => users[id] && { accountId: id, claims: () => ({ sub: id, ...users[id] }) },
    extraTokenClaims: (_, token) => users[token.accountId],
    features: {
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope, audience: resource, accessTokenFormat: 'jwt' }),
      },
    },
  });
}

// login goes where the provider leads, answers its pages, and gives the code back for tokens.
async function login(user) {
  const verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    client_id: client, redirect_uri: redirect, response_type: 'code', scope, nonce: 'n', state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });
  const code = await follow(`${issuer}/auth?${asked}`, user);
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(`${client}:secret-of-the-client`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }),
  });
  const { id_token, access_token } = await response.json();
  return { status: response.status, id_token, access_token };
}

async function follow(address, user) {
  const cookies = new Map();
  let form;
  for (let step = 0; step < 20; step++) {
    const response = await fetch(address, {
      redirect: 'manual', method: form ? 'POST' : 'GET', body: form && new URLSearchParams(form),
      headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      cookies.set(name, value);
    }
    form = undefined;
    const to = response.headers.get('location');
    if (to) {
      address = new URL(to, address).href;
      if (address.startsWith(redirect)) return new URL(address).searchParams.get('code');
      continue;
    }
    const page = await response.text();
    if (!response.ok) throw new Error(`${address}: ${response.status} ${page}`);
    const prompt = /name="prompt" value="(\w+)"/.exec(page)[1];
    address = new URL(/action="([^"]+)"/.exec(page)[1], address).href;
    form = prompt === 'login' ? { prompt, login: user, password: 'any' } : { prompt };
  }
  throw new Error('the login leads nowhere');
}

rotate(false);
say({ issuer });
const commands = {
  login: ({ user }) => login(user),
  rotate: ({ keep }) => (rotate(keep), { status: 200 }),
};
await onLine(async (command) => say(await commands[command.do](command)));
