import { expect, test } from 'vitest';
import { OutputDecoder } from './decode';
import type { Decoded, Gap } from './decode';
import type { Batch } from './model';

const gap: Gap = { by: 'log', amount: 3, lines: null, reason: 'trimmed' };

function decode(...pieces: (Batch | Gap)[]): string {
  const decoder = new OutputDecoder();
  const out: Decoded[] = pieces.flatMap((piece) => ('by' in piece ? decoder.gap(piece) : decoder.decode(piece)));
  return [...out, ...decoder.end()].map((d) => ('text' in d ? d.text : `<${d.gap.by} ${d.gap.amount}>`)).join('');
}

const text = (s: string): Batch => ({ line: 1, text: s });
const bytes = (...b: number[]): Batch => ({ line: 1, base64: btoa(String.fromCharCode(...b)) });

test('text passes as it is', () => {
  expect(decode(text('a\x1b[1m'), text('😀'))).toBe('a\x1b[1m😀');
});

test('bytes that are not UTF-8 become replacement characters', () => {
  expect(decode(bytes(0x61, 0xff, 0x62))).toBe('a\ufffdb');
});

test('a character cut between two batches of bytes stays whole, at every place', () => {
  const smile = [0xf0, 0x9f, 0x98, 0x80];
  for (let i = 0; i <= 4; i++) {
    expect(decode(bytes(...smile.slice(0, i)), bytes(...smile.slice(i)))).toBe('😀');
  }
});

test('a character that is never finished is told at the next text, gap or end', () => {
  expect(decode(bytes(0xf0, 0x9f), text('x'))).toBe('\ufffdx');
  expect(decode(bytes(0xf0, 0x9f), gap, text('x'))).toBe('\ufffd<log 3>x');
  expect(decode(bytes(0xf0, 0x9f))).toBe('\ufffd');
});

test('what is not base64 is a gap', () => {
  expect(decode({ line: 1, base64: '!' })).toBe('<build null>');
});
