import { expect, test } from 'vitest';
import { hue } from './avatar';

test('a person has one colour, and people have many', () => {
  const ids = Array.from({ length: 500 }, (_, i) => (i * 2654435761).toString(16).padStart(32, '0'));
  const hues = ids.map(hue);
  expect(ids.map(hue)).toEqual(hues);
  expect(hues.every((degrees) => degrees >= 0 && degrees < 360)).toBe(true);
  expect(new Set(hues).size).toBeGreaterThan(8);
});

test.each(['', '\ud800', '👩‍💻'.repeat(1000)])('%j has a colour as well', (id) => {
  expect(hue(id)).toBeGreaterThanOrEqual(0);
});
