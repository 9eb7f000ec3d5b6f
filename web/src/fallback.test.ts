import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Fallback } from './fallback';

let told: string[];
let works: () => void;
let fallback: Fallback;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  told = [];
  fallback = new Fallback(
    () => told.push('restart'),
    (greeted) => {
      told.push('try');
      works = greeted;
      return () => told.push('stop');
    },
  );
});

afterEach(() => {
  fallback.down();
  expect(vi.getTimerCount()).toBe(0);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe.each(['xhr_streaming', 'xhr_polling'])('on %s', (transport) => {
  test('a WebSocket is tried, and taken if it works', () => {
    fallback.up(transport);
    vi.advanceTimersByTime(9999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(['try']);
    works();
    expect(told).toEqual(['try', 'stop', 'restart']);
  });

  test('a WebSocket that is silent is given up, and tried again ever less', () => {
    fallback.up(transport);
    vi.advanceTimersByTime(10_000 + 10_000);
    expect(told).toEqual(['try', 'stop']);
    vi.advanceTimersByTime(20_000);
    expect(told).toEqual(['try', 'stop', 'try']);
    vi.advanceTimersByTime(3_600_000);
    const tried = told.length;
    vi.advanceTimersByTime(3_600_000);
    expect(told.length - tried).toBe(12); // six times an hour, tried and stopped
  });

  test('a WebSocket that works for moments only is tried ever less, too', () => {
    for (const pause of [10_000, 20_000, 40_000]) {
      fallback.up(transport);
      vi.advanceTimersByTime(pause - 1);
      expect(told).toEqual([]);
      vi.advanceTimersByTime(1);
      works();
      expect(told.splice(0)).toEqual(['try', 'stop', 'restart']);
      fallback.down();
      fallback.up('ws');
      fallback.down();
    }
  });

  test('a connection that ends ends the attempt', () => {
    fallback.up(transport);
    vi.advanceTimersByTime(10_000);
    fallback.down();
    vi.advanceTimersByTime(600_000);
    expect(told).toEqual(['try', 'stop']);
  });

  test('a subscription that nobody answers is made anew', () => {
    fallback.subscribing(true);
    vi.advanceTimersByTime(60_000);
    fallback.up(transport);
    vi.advanceTimersByTime(9_999);
    expect(told).not.toContain('restart');
    vi.advanceTimersByTime(1);
    expect(told).toContain('restart');
  });

  test('one that is answered is none', () => {
    fallback.up(transport);
    fallback.subscribing(true);
    vi.advanceTimersByTime(9_000);
    fallback.subscribing(true); // it failed, or there is one more
    vi.advanceTimersByTime(9_000);
    fallback.subscribing(false);
    vi.advanceTimersByTime(60_000);
    expect(told).not.toContain('restart');
  });
});

test.each(['ws', 'wss'])('on %s there is nothing to do', (transport) => {
  fallback.up(transport);
  fallback.subscribing(true);
  vi.advanceTimersByTime(3_600_000);
  expect(told).toEqual([]);
});
