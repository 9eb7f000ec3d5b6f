import { expect, test } from 'vitest';
import { ago, bytes, count, duration } from './format';

test('durations', () => {
  expect(duration(3440, true)).toBe('3.4 s');
  expect(duration(3440, false)).toBe('3 s');
  expect(duration(59_999, true)).toBe('59 s');
  expect(duration(187_000, false)).toBe('3 m 07 s');
  expect(duration(3_900_000, true)).toBe('1 h 05 m');
  expect(duration(-5000, false)).toBe('0 s');
});

test('times past', () => {
  expect(ago(-1000)).toBe('just now');
  expect(ago(50_000)).toBe('1 min ago');
  expect(ago(3_590_000)).toBe('60 min ago');
  expect(ago(7_200_000)).toBe('2 h ago');
  expect(ago(86_400_000)).toBe('yesterday');
  expect(ago(3 * 86_400_000)).toBe('3 days ago');
});

test('amounts', () => {
  expect(count(1, 'line')).toBe('1 line');
  expect(count(12_345, 'line')).toBe('12,345 lines');
  expect([bytes(1), bytes(512), bytes(4096), bytes(45_000), bytes(12_000_000)]).toEqual(['1 byte', '512 bytes', '4.1 kB', '45 kB', '12 MB']);
});
