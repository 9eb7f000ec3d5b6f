import { expect, test } from 'vitest';
import { OutputDecoder } from './decode';
import type { Piece } from './merge';

function decode(...pieces: Piece[]): string {
  const decoder = new OutputDecoder();
  const out = [...pieces.flatMap((piece) => decoder.decode(piece)), ...decoder.end()];
  return out.map((d) => ('text' in d ? d.text : `<gap ${d.gap}>`)).join('');
}

const text = (s: string): Piece => ({ seq: 1, offset: 0, text: s });
const bytes = (...b: number[]): Piece => ({ seq: 1, offset: 0, base64: btoa(String.fromCharCode(...b)) });

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
  expect(decode(bytes(0xf0, 0x9f), { gap: 3 }, text('x'))).toBe('\ufffd<gap 3>x');
  expect(decode(bytes(0xf0, 0x9f))).toBe('\ufffd');
});

test('lost bytes are a gap', () => {
  expect(decode(text('a'), { seq: 2, offset: 1, lost: 4096 }, text('b'))).toBe('a<gap 4096>b');
  expect(decode({ seq: 2, offset: 1, lost: 0 })).toBe('<gap -1>');
});

test('what is not base64 is a gap', () => {
  expect(decode({ seq: 1, offset: 0, base64: '!' })).toBe('<gap -1>');
});
