// Real build logs, where the machine has some: a folder of files, named by
// BUILD_LOGS or beside the project.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { segments } from '../view/segments';
import { Terminal } from './terminal';

const folder = process.env['BUILD_LOGS'] ?? join(import.meta.dirname, '../../../../shared/logs');
const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(raw|log)$/.test(name)) : [];

describe.skipIf(names.length === 0)('real logs', () => {
  test.each(names)('%s', (name) => {
    const input = readFileSync(join(folder, name), 'utf8');
    const terminal = new Terminal();
    for (let at = 0; at < input.length; at += 3001) terminal.write(input.slice(at, at + 3001));

    const lineFeeds = input.split('\n').length;
    const movesUp = /\x1b\[\d*[AF]|\x1bM/.test(input);
    expect(terminal.lines.length).toBeLessThanOrEqual(lineFeeds);
    if (!movesUp) expect(terminal.lines.length).toBeGreaterThanOrEqual(lineFeeds - 1);
    expect(terminal.text(String)).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    for (const line of terminal.lines) {
      const shown = segments(line, terminal.styles, Infinity).filter((s) => !s.invisible);
      expect(shown.map((s) => s.text).join('').length).toBeLessThanOrEqual(line.text.length);
    }
  });
});
