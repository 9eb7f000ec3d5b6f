import { describe, expect, test } from 'vitest';
import { EVERYDAY, fromQuery, local, toPageRequest, toQuery, toRequest, utc } from './filter';
import type { Filter } from './filter';

const NOW = Date.parse('2026-11-29T20:00:00Z');
const SINCE = '2026-11-01T10:00:00.000Z';
const UNTIL = '2026-11-02T10:00:00.000Z';

describe('a filter in the address', () => {
  test.each<[string, Partial<Filter>]>([
    ['', {}],
    ['range=all', { range: 'all' }],
    ['action=relay.subscription.*&actor=alice&range=1h', { range: '1h', action: 'relay.subscription.*', actor: 'alice' }],
    ['target=a%26b%3D%3Cscript%3E+%E2%80%AE', { target: 'a&b=<script> \u202e' }],
    [`since=${encodeURIComponent(SINCE)}&until=${encodeURIComponent(UNTIL)}`, { range: 'custom', since: SINCE, until: UNTIL }],
    [`until=${encodeURIComponent(UNTIL)}`, { range: 'custom', until: UNTIL }],
  ])('%s', (query, said) => {
    const filter = { ...EVERYDAY, ...said };
    expect(toQuery(filter)).toBe(query);
    expect(fromQuery(`?${query}`)).toEqual({ ...filter, target: filter.target.trim() });
  });

  test.each(['range=never', 'range=custom', 'range=toString', 'since=yesterday', 'other=1', 'since=&until=', '%'])('%s means nothing', (query) => {
    expect(fromQuery(query)).toEqual(EVERYDAY);
  });

  test('a custom range without times is forgotten', () => {
    expect(fromQuery(toQuery({ ...EVERYDAY, range: 'custom' }))).toEqual(EVERYDAY);
  });
});

describe('the server is asked', () => {
  const asked = (filter: Partial<Filter>) => Object.fromEntries(toRequest({ ...EVERYDAY, ...filter }, NOW));

  test('for a time before now', () => {
    expect(asked({})).toEqual({ since: '2026-11-28T20:00:00.000Z' });
    expect(asked({ range: '1h' })).toEqual({ since: '2026-11-29T19:00:00.000Z' });
    expect(asked({ range: '7d' })).toEqual({ since: '2026-11-22T20:00:00.000Z' });
  });

  test('for all', () => {
    expect(asked({ range: 'all' })).toEqual({});
  });

  test('for a custom range, which other ranges do not hold', () => {
    expect(asked({ range: 'custom', since: SINCE, until: UNTIL })).toEqual({ since: SINCE, until: UNTIL });
    expect(asked({ range: 'all', since: SINCE, until: UNTIL })).toEqual({});
  });

  test('for a page', () => {
    const filter = { ...EVERYDAY, range: 'all', action: 'relay.*', target: 'a&b' } as const;
    expect(Object.fromEntries(toPageRequest(filter, NOW, 'c+/='))).toEqual({ action: 'relay.*', target: 'a&b', limit: '100', before: 'c+/=' });
    expect(toPageRequest(filter, NOW, '').has('before')).toBe(false);
  });
});

test('a time goes through an input of the own zone and back', () => {
  for (const time of ['2026-01-15T00:30:00.000Z', '2026-07-15T23:30:59.000Z', '']) expect(utc(local(time))).toBe(time);
});
