import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Persistence } from './persist';

let restarts: number;
let offline: number;
let persistence: Persistence;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  restarts = offline = 0;
  persistence = new Persistence(
    () => restarts++,
    () => offline++,
  );
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test('a connection that comes as soon as polling can is left alone', () => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  persistence.down(false);
  vi.advanceTimersByTime(6500);
  persistence.up();
  vi.advanceTimersByTime(600_000);
  expect([restarts, offline]).toEqual([0, 0]);
});

test('attempts go on for ever, ever more slowly, at least three a minute', () => {
  persistence.down(false);
  vi.advanceTimersByTime(60_000);
  const first = restarts;
  expect(first).toBeGreaterThanOrEqual(3);
  vi.advanceTimersByTime(600_000);
  expect(restarts - first).toBe(30);
});

test('being told again and again that it is down changes nothing', () => {
  for (let i = 0; i < 20; i++) {
    persistence.down(false);
    vi.advanceTimersByTime(500);
  }
  expect([restarts, offline]).toEqual([1, 1]);
});

test('the page says that it is offline after a while, once', () => {
  persistence.down(false);
  vi.advanceTimersByTime(7999);
  expect(offline).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(offline).toBe(1);
});

test('a refusal is not answered by insisting', () => {
  persistence.down(false);
  persistence.down(true);
  vi.advanceTimersByTime(29_000);
  expect(restarts).toBe(0);
  vi.advanceTimersByTime(2000);
  expect(restarts).toBe(1);
});

test('after a connection everything starts afresh', () => {
  persistence.down(false);
  vi.advanceTimersByTime(120_000);
  persistence.up();
  restarts = 0;
  persistence.down(false);
  vi.advanceTimersByTime(9001);
  expect(restarts).toBe(1);
});
