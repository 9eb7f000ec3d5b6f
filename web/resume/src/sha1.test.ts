import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { sha1 } from './sha1.js';

test('is the SHA-1 of FIPS 180', () => {
  expect(sha1('')).toBe('da39a3ee5e6b4b0d3255bfef95601890afd80709');
  expect(sha1('abc')).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  expect(sha1('a'.repeat(1_000_000))).toBe('34aa973cd4c4daa4f61eeb2bdbad27316534016f');
});

test('is what other implementations compute, at every length around the blocks', () => {
  for (let length = 0; length < 200; length++) {
    const text = 'ü🚀x'.repeat(60).slice(0, length);
    expect(sha1(text)).toBe(createHash('sha1').update(Buffer.from(new TextEncoder().encode(text))).digest('hex'));
  }
});
