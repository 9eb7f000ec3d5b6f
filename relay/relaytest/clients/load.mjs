// Loads one version of a client by its alias in package.json.
import { createRequire } from 'node:module';
import { readFileSync, existsSync } from 'node:fs';
import vm from 'node:vm';

const require = createRequire(import.meta.url);

// loadPusher returns the constructor of `version`. build is 'node' (the build
// that Node programs get) or 'web' (the one that browsers load), which runs in
// a context that has just what pusher-js asks of a window. Versions before 3.1
// have no Node build: they are always the web build. sockJS, for the web build, is the
// transport by which pusher-js' transport of that name goes, as versions before 2.2 do:
// 'xhr-streaming' or 'xhr-polling'.
export function loadPusher(version, build = 'node', sockJS) {
  const root = `pusher-js-${version}`;
  const node = `./node_modules/${root}/dist/node/pusher.js`;
  const here = new URL(node, import.meta.url);
  if (build === 'node' && existsSync(here)) return require(node);
  return loadWeb(root, sockJS);
}

// loadEcho resolves to the class of a version of laravel-echo.
export async function loadEcho(version) {
  const module = await import(`laravel-echo-${version}`);
  return module.default.default ?? module.default;
}

// loadNacl returns what pusher-js decrypts with.
export function loadNacl() {
  return require('tweetnacl');
}

function loadWeb(root, sockJS) {
  const dist = ['dist/web', 'dist']
    .map((path) => new URL(`./node_modules/${root}/${path}/`, import.meta.url))
    .find((url) => existsSync(new URL('pusher.js', url)));
  const run = (file) => {
    vm.runInContext(readFileSync(file, 'utf8'), context, { filename: file.pathname });
  };
  const context = vm.createContext(window((src) => run(new URL(src.split('/').pop(), dist))));
  if (sockJS) context.SockJS = loadSockJS(sockJS);
  run(new URL('pusher.js', dist));
  return context.Pusher;
}

// loadSockJS returns SockJS' own client with one transport.
function loadSockJS(transport) {
  const SockJS = require('sockjs-client');
  return function (url, protocols, options) {
    return new SockJS(url, protocols, { ...options, transports: transport });
  };
}

// page are the events of the window that the web build runs in: online and offline.
export const page = new EventTarget();

// window is a page's global object as far as pusher-js uses one.
function window(load) {
  const self = {
    WebSocket: require('ws'),
    XMLHttpRequest: require('xmlhttprequest').XMLHttpRequest,
    navigator: { userAgent: 'relaytest', onLine: true },
    document: documentOf(load),
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
    Buffer,
    console,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    TextEncoder,
    TextDecoder,
    crypto: globalThis.crypto,
  };
  self.window = self;
  self.self = self;
  return self;
}

// documentOf is the document of a page that is given the scripts it asks its CDN for, by
// their names, from the package: the HTTP transports of versions before 3.1 are one.
function documentOf(load) {
  const head = {
    insertBefore(script) {
      setImmediate(() => {
        load(script.src);
        script.onload();
      });
    },
  };
  return {
    location: { protocol: 'http:' },
    body: {},
    createElement: () => ({ addEventListener() {} }),
    getElementsByTagName: () => [head],
  };
}
