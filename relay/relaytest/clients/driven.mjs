// The clients' scripts, driven by tests of their own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const dependencies = Object.keys(
  JSON.parse(readFileSync(new URL('./package.json', import.meta.url))).dependencies,
);
// versions are those of the packages whose alias starts with `of`.
export const versions = (of) =>
  dependencies.filter((name) => name.startsWith(of)).map((name) => name.slice(of.length));

// run starts a script and returns it with a function that reads its next line
// for which match is true.
export function run(t, script, version, options) {
  const path = new URL(script, import.meta.url).pathname;
  const child = spawn(process.execPath, [path, version, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const send = (command) => child.stdin.write(JSON.stringify(command) + '\n');
  const next = async (match) => {
    for (;;) {
      const { value, done } = await lines.next();
      assert.ok(!done, 'the client ended');
      const said = JSON.parse(value);
      if (match(said)) return said;
    }
  };
  return { child, send, next };
}
