import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { MAX_LINES, Terminal } from './terminal';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is alive, in MB. */
function alive(): number {
  collect();
  return process.memoryUsage().heapUsed / 1e6;
}

test('a million lines, of which half is kept, take less than 300 MB', { timeout: 120_000 }, () => {
  const before = alive();
  const terminal = new Terminal();
  for (let i = 0; i < 1_000_000; i++) terminal.write(`\x1b[3${i % 8}m${i}\x1b[0m a line of a long log\n`);
  expect(alive() - before).toBeLessThan(300);
  expect(terminal.lines).toHaveLength(MAX_LINES);
  expect(terminal.refused).toBeGreaterThan(0);
});
