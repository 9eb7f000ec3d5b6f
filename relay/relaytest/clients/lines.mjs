// JSON lines: one value a line, commands on stdin, what happens on stdout.
import { createInterface } from 'node:readline';

export function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

// onLine calls handle with the value of every line of stdin, one after the
// other, and ends the process when stdin ends: the driver has gone.
export async function onLine(handle) {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') await handle(JSON.parse(line));
  }
  process.exit(0);
}

// dieLoudly makes an error that nobody caught a line of its own. In a page it
// would be an error in the browser's console: the client would be stuck.
export function dieLoudly() {
  const die = (error) => {
    say({ type: 'crash', message: String((error && error.stack) || error) });
    process.exitCode = 1;
    setImmediate(() => process.exit(1));
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
