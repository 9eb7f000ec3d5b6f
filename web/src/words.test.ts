import type { Log } from 'buildrelay-resume';
import { expect, test } from 'vitest';
import type { Gap } from './decode';
import { gapReason, gapTitle, verdict } from './words';

const gap: Gap = { by: 'log', amount: 12, lines: 340, reason: 'trimmed' };

test('a gap says how much is missing, as far as that is known', () => {
  expect(gapTitle(gap)).toBe('12 events are missing here, 340 lines');
  expect(gapTitle({ ...gap, amount: 1, lines: null })).toBe('1 event is missing here');
  expect(gapTitle({ ...gap, amount: null, lines: 0 })).toBe('Output is missing here');
  expect(gapTitle({ by: 'build', amount: 4096, lines: 2, reason: '' })).toBe('4.1 kB of output are missing here, 2 lines');
});

test('a gap says why', () => {
  for (const reason of ['trimmed', 'epoch', 'rollback', 'fork', 'unavailable']) expect(gapReason({ ...gap, reason })).toMatch(/\.$/);
  expect(gapReason({ ...gap, reason: 'toString' })).toBe('');
  expect(gapReason({ ...gap, by: 'build' })).toContain('The build');
});

test('a log is complete or it is said why not', () => {
  const log = (incomplete: Log['incomplete'], missing: number | null = 0) => ({ incomplete, missing }) as Log;
  expect(verdict(log(undefined), false)).toBe('Complete');
  expect(verdict(log('open'), true)).toBe('Not finished yet');
  expect(verdict(log('open'), false)).toBe('The end has not arrived yet');
  expect(verdict(log('gap', 12), true)).toBe('12 events are missing');
  expect(verdict(log('gap', null), true)).toBe('Events are missing');
  expect(verdict(log('hole', 1), true)).toBe('1 event did not arrive');
  expect(verdict(log('changed'), false)).toContain('Not what');
});
