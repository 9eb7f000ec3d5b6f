import { describe, expect, test } from 'vitest';
import { cleanName, initials, MAX_NAME, randomName } from './names';

describe('a name', () => {
  test.each([
    ['Calm Otter', 'Calm Otter'],
    ['  Calm \t\n Otter ', 'Calm Otter'],
    ['<b>Ann</b>', '<b>Ann</b>'],
    ['Jose\u0301 李', 'José 李'],
    ['👩‍💻', '👩‍💻'],
    ['a\u202eb\u2066c\ufeff', 'abc'],
    ['a\u0000\u001b[31mb\u007f', 'a[31mb'],
    ['a\ud800b', 'ab'],
    ['a\u00a0b', 'a b'],
    ['', ''],
    [' \u200b\u200d ', ''],
    ['\u3164\u115f', ''],
    ['Ann\ufe00\u{e0101}', 'Ann'],
    ['Ann ❤\ufe0f', 'Ann ❤\ufe0f'],
    ['\u0301', ''],
    ['x'.repeat(10_000), 'x'.repeat(MAX_NAME)],
    ['😀'.repeat(10_000), '😀'.repeat(MAX_NAME)],
    [`${'x'.repeat(MAX_NAME - 1)} y`, 'x'.repeat(MAX_NAME - 1)],
  ])('%j is %j', (text, name) => {
    expect(cleanName(text)).toBe(name);
    expect(cleanName(name)).toBe(name);
  });
});

test('who has no name gets one of two words', () => {
  const names = new Set(Array.from({ length: 200 }, randomName));
  expect(names.size).toBeGreaterThan(100);
  for (const name of names) {
    expect(name).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+$/);
    expect(cleanName(name)).toBe(name);
  }
});

test.each([
  ['Calm Otter', 'CO'],
  ['ann', 'A'],
  ['Ann Marie van der Berg', 'AB'],
  ['👩‍💻 Ann', '👩‍💻A'],
  ['éva', 'É'],
  ['<b>Ann</b> "Bo"', 'BB'],
  ['(Ann) ***', 'A*'],
  ['👩‍💻', '👩‍💻'],
  ['', ''],
])('%j has the initials %j', (name, letters) => {
  expect(initials(name)).toBe(letters);
});
