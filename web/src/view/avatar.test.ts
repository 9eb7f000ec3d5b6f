import { expect, test } from 'vitest';
import { Hues } from './avatar';

const ids = Array.from({ length: 500 }, (_, i) => (i * 2654435761).toString(16).padStart(32, '0'));

test('somebody who comes first has his own colour, and people have many', () => {
  const own = (id: string) => new Hues().of(id);
  expect(ids.map(own)).toEqual(ids.map(own));
  expect(new Set(ids.map(own)).size).toBe(11);
});

test('a few people never have the same colour, and keep theirs', () => {
  const hues = new Hues();
  const few = ids.slice(0, 11).map((id) => hues.of(id));
  expect(new Set(few).size).toBe(11);
  for (const id of ids) expect(hues.of(id)).toBeLessThan(360);
  expect(ids.slice(0, 11).map((id) => hues.of(id))).toEqual(few);
});

test.each(['', '\ud800', '👩‍💻'.repeat(1000)])('%j has a colour as well', (id) => {
  expect(new Hues().of(id)).toBeGreaterThanOrEqual(0);
});
