// resume() of web/resume, as it is built: what it tells is said.
import { say } from './lines.mjs';

const callbacks = ['onGap', 'onReset', 'onStale', 'onFresh', 'onComplete'];

// loadResume resolves to a function (client, options) that resumes a client.
export async function loadResume() {
  const built = new URL('../../../web/resume/dist/esm/index.js', import.meta.url);
  const { resume } = await import(built).catch(() => {
    throw new Error('web/resume is not built: run make web');
  });
  const tell = (name) => [name, (log) => say({ type: 'told', told: name.slice(2).toLowerCase(), log: known(log) })];
  return (client, options) => resume(client, { ...options, ...Object.fromEntries(callbacks.map(tell)) });
}

function known({ channel, position, state, gaps, missing, final, complete, incomplete, sealed }) {
  return { channel, position, state, gaps, missing, final, complete, incomplete, sealed };
}
