// What holds of the log whatever a build prints.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Gap } from '../decode';
import { anyOutput, forAll, inPieces, plainOutput } from '../testing/output';
import { PLAIN } from './style';
import type { Style } from './style';
import { Terminal, WINDOW } from './terminal';

const PATIENCE = 120_000;
const gap: Gap = { by: 'log', amount: 1, lines: null, reason: 'trimmed' };

function written(pieces: readonly string[]): Terminal {
  const terminal = new Terminal();
  for (const piece of pieces) terminal.write(piece);
  return terminal;
}

/** Lines with their styles, enough to compare two logs. */
function picture(terminal: Terminal): unknown {
  return terminal.lines.map(({ text, cut, runs }) => [text, cut, (runs ?? []).map((n, i) => (i % 2 ? terminal.styles.get(n) : n))]);
}

function stylesOf(terminal: Terminal): Style[] {
  return terminal.lines.flatMap(({ runs }) => (runs ?? []).filter((_, i) => i % 2).map((id) => terminal.styles.get(id)));
}

test('output cut anywhere gives the same log', { timeout: PATIENCE }, () => {
  forAll(inPieces(anyOutput), (pieces) => expect(picture(written(pieces))).toEqual(picture(written([pieces.join('')]))));
});

test('the text is what is printable, and nothing else', { timeout: PATIENCE }, () => {
  forAll(plainOutput, ({ raw, shown }) => {
    const whole = shown === '' || shown.endsWith('\n') ? shown : `${shown}\n`;
    expect(written([raw]).text(String)).toBe(whole);
  });
});

test('no control character is text but the tab', { timeout: PATIENCE }, () => {
  forAll(anyOutput, (output) => {
    for (const { text } of written([output]).lines) expect(text).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/);
  });
});

test('a log is no longer than its output, and has no more parts', { timeout: PATIENCE }, () => {
  forAll(anyOutput, (output) => {
    const { lines } = written([output]);
    expect(lines.length).toBeLessThanOrEqual(output.split(/[\n\v\x84\x85BDE]/).length);
    for (const line of lines) {
      const runs = line.runs ?? [];
      expect(runs.length / 2).toBeLessThanOrEqual(Math.min(output.length, 4096) + 1);
      for (let i = 2; i < runs.length; i += 2) expect(runs[i]).toBeGreaterThan(runs[i - 2]!);
    }
  });
});

test('a link leads to a web address that does not disguise itself, or it is none', { timeout: PATIENCE }, () => {
  forAll(anyOutput, (output) => {
    for (const { href } of stylesOf(written([output]))) {
      if (href === '') continue;
      const { protocol, username, password, host } = new URL(href);
      expect(['http:', 'https:']).toContain(protocol);
      expect([username, password]).toEqual(['', '']);
      expect(host).not.toBe('');
    }
  });
});

test('nothing that was printed before a gap changes what comes behind it', { timeout: PATIENCE }, () => {
  forAll(fc.tuple(anyOutput, plainOutput), ([before, { raw }]) => {
    const terminal = written([before]);
    const above = terminal.lines.length;
    terminal.gap(gap);
    terminal.write(raw);
    const [, ...expected] = picture(written(['\n', raw])) as unknown[];
    expect((picture(terminal) as unknown[]).slice(above)).toEqual(expected.length > 0 ? expected : [['', 0, []]]);
  });
});

test('nothing of a log is left in the one after it', { timeout: PATIENCE }, () => {
  forAll(fc.tuple(anyOutput, plainOutput), ([before, { raw }]) => {
    const terminal = written([before]);
    terminal.reset();
    terminal.write(raw + '\x1b8X');
    expect(picture(terminal)).toEqual(picture(written([raw + '\x1b8X'])));
    expect(terminal.gaps).toEqual([]);
  });
});

test('a control string ends at the same place, however it is cut', () => {
  const long = `\x1b]0;${'x'.repeat((1 << 20) + 3000)}`;
  for (const size of [1000, 65_536, long.length]) {
    const pieces = Array.from({ length: Math.ceil(long.length / size) }, (_, i) => long.slice(i * size, (i + 1) * size));
    expect(written(pieces).lines.map(({ text }) => text.length)).toEqual([3002]);
  }
});

test('a style that was reset is plain', () => {
  forAll(anyOutput, (output) => {
    const terminal = written([output, '\x18\x1b]8;;\x07\x1b[0m', '\n'.repeat(WINDOW + 1), 'X']);
    const { text, runs } = terminal.lines.at(-1)!;
    expect([text, terminal.styles.get(runs?.at(-1) ?? 0)]).toEqual(['X', PLAIN]);
  });
});
