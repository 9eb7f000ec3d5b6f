import { describe, expect, test } from 'vitest';
import { append, parseAnswer, refresh } from './record';
import type { Page } from './record';

function page(before: string, ...seqs: number[]): Page {
  const records = seqs.map((seq) => ({ record: { id: 'the-same' }, chain: 'a', seq }));
  return parseAnswer({ records, before, state: { text: 'writing', ok: true } })!;
}

const seqs = ({ records }: Page) => records.map((record) => Number(record.place.split('#')[1]));

describe('an answer', () => {
  test('has all members of a record', () => {
    const whole = {
      action: 'relay.subscription.grant',
      actor: { id: 'alice', type: 'user' },
      target: { id: 'private-build-1', type: 'channel', name: 'private-build-1' },
      payload: { channel: 'private-build-1' },
      occurred_at: '2026-11-29T20:00:00.123456789Z',
      metadata: { ip: '203.0.113.7' },
      id: 'c0ffee',
      version: 1,
      scope: { id: 'demo', type: 'app' },
      success: false,
      request: { id: '1.2' },
    };
    const answer = parseAnswer({
      records: [{ record: whole, chain: 'node-a', seq: 7 }],
      before: 'x',
      state: { text: 'spooling', ok: false },
      strict: true,
      insecure: ['serving without TLS', 7],
    })!;
    expect(answer).toMatchObject({ before: 'x', state: { text: 'spooling', ok: false }, strict: true, insecure: ['serving without TLS', '7'] });
    expect(answer.records).toEqual([
      {
        place: 'node-a #7',
        action: 'relay.subscription.grant',
        actor: { id: 'alice', type: 'user', name: '' },
        target: { id: 'private-build-1', type: 'channel', name: 'private-build-1' },
        scope: { id: 'demo', type: 'app', name: '' },
        payload: { channel: 'private-build-1' },
        occurredAt: '2026-11-29T20:00:00.123456789Z',
        address: '203.0.113.7',
        success: false,
        whole,
      },
    ]);
  });

  test.each([undefined, null, [], {}, { records: [] }, { records: {}, state: {} }, 'text'])('that is %j is none', (value) => {
    expect(parseAnswer(value)).toBeUndefined();
  });

  test.each([null, 7, 'text', [], { actor: 'alice', payload: 'x', metadata: [], success: 'no' }])('keeps a record that is %j', (whole) => {
    const answer = parseAnswer({ records: [{ record: whole, chain: 'a', seq: 1 }, whole], state: {} })!;
    expect(answer.records).toHaveLength(2);
    expect(answer.records[0]).toMatchObject({ place: 'a #1', action: '', actor: { id: '', type: '' }, whole });
  });
});

describe('pages', () => {
  test('older ones come behind, each record once', () => {
    expect(append(page('c5', 9, 8, 7, 6), page('c3', 6, 5, 4))).toMatchObject({ before: 'c3' });
    expect(seqs(append(page('c5', 9, 8, 7, 6), page('c3', 6, 5, 4)))).toEqual([9, 8, 7, 6, 5, 4]);
  });

  test('the newest come in front, and what was loaded stays', () => {
    const fresh = refresh(page('c1', 4, 3, 2, 1), page('c3', 6, 5, 4, 3));
    expect(seqs(fresh)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(fresh.before).toBe('c1');
  });

  test('a record that comes late stands where it belongs', () => {
    expect(seqs(refresh(page('', 4, 2, 1), page('', 4, 3, 2)))).toEqual([4, 3, 2, 1]);
  });

  test('what may not hang together is not shown as if it did', () => {
    expect(refresh(page('c1', 3, 2, 1), page('c7', 9, 8, 7))).toEqual(page('c7', 9, 8, 7));
  });

  test('there is an end to what is kept', () => {
    const many = page('end', ...Array.from({ length: 5000 }, (_, i) => 5000 - i));
    expect(refresh(many, page('c', 5001, 5000))).toEqual(page('c', 5001, 5000));
  });
});
