import { describe, expect, test } from 'vitest';
import { SENTENCES, suggestions } from './actions';
import { parseAnswer } from './record';
import type { AuditRecord } from './record';
import { describe as parts, outcome, told } from './sentence';

const ALICE = { id: 'alice', type: 'user' };
const SOCKET = { id: '123.456', type: 'connection' };
const CHANNEL = { id: 'private-build-1', type: 'channel', name: 'private-build-1' };

function record(action: string, members: object = {}): AuditRecord {
  const whole = { action, actor: ALICE, target: CHANNEL, success: true, ...members };
  return parseAnswer({ records: [{ record: whole, chain: 'a', seq: 1 }], state: {} })!.records[0]!;
}

test.each<[string, object, string]>([
  ['relay.subscription.grant', {}, 'user alice subscribed to private-build-1'],
  ['relay.subscription.grant', { actor: { id: 'u7', type: 'user', name: 'Alice' } }, 'user Alice (u7) subscribed to private-build-1'],
  ['relay.subscription.deny', { actor: SOCKET, payload: { reason: 'bad signature', count: 1 } }, 'connection 123.456 was refused private-build-1: bad signature'],
  ['relay.connection.refuse', { actor: { id: '::1', type: 'address' }, payload: { reason: 'limit', count: 1234 } }, 'address ::1 was refused a connection: limit (1,234 times)'],
  ['relay.connection.close', { actor: SOCKET, target: SOCKET }, 'connection 123.456 disconnected'],
  ['relay.publish.summary', { actor: { id: 'k1', type: 'key' }, payload: { messages: 1200, bytes: 98_304 } }, 'key k1 published to private-build-1: 1,200 messages, 98,304 bytes'],
  ['relay.publish.deny', { target: {} }, 'user alice was refused to publish to something'],
  ['relay.audit.gap', { payload: { count: 12, reason: 'the spool was full' } }, '12 records are missing here: the spool was full'],
  ['relay.audit.gap', { payload: null }, '? records are missing here'],
  ['relay.config.reload', { payload: { changed: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] } }, 'user alice reloaded the configuration: a, b, c, d, e and 2 more'],
  ['relay.config.reload', { payload: { changed: [] } }, 'user alice reloaded the configuration: nothing'],
  ['context.env_var.store', { target: { id: 'c1', type: 'context', name: 'prod' } }, 'user alice stored a variable in context prod (c1)'],
  ['context.delete', { target: { id: 'prod', type: 'context' }, success: false }, 'user alice tried to delete context prod'],
  ['deploy.rollback', { target: { id: 'web', type: 'service' } }, 'user alice: deploy.rollback, service web'],
  ['constructor', { actor: {}, target: null }, 'somebody: constructor'],
])('%s %j', (action, members, sentence) => {
  expect(told(record(action, members))).toBe(sentence);
});

test('every known action makes a sentence, whether it succeeded or not', () => {
  for (const action of SENTENCES.keys()) {
    for (const success of [true, false]) expect(told(record(action, { success }))).toMatch(/^[a-z0-9?][^{}[\]|]+$/);
  }
});

describe('text of others', () => {
  const hostile = '<script>\u202e\n' + 'x'.repeat(5000);

  test('stands by itself, short and without effect', () => {
    const actor = { id: hostile, type: hostile, name: `${hostile}y` };
    for (const action of ['relay.subscription.grant', hostile]) {
      const all = parts(record(action, { actor, target: actor, payload: { reason: hostile } }));
      expect(all.filter(({ value }) => value).length).toBeGreaterThan(3);
      for (const { text } of all) expect(text).toMatch(/^[^\n\u202e]{1,140}$/);
    }
  });

  test('does not fill in braces of its own', () => {
    expect(told(record('relay.subscription.grant', { actor: { id: '{target} $1 [a|b]', type: 'user' } }))).toBe(
      'user {target} $1 [a|b] subscribed to private-build-1',
    );
  });
});

test.each<[string, boolean, string]>([
  ['relay.subscription.grant', true, 'done'],
  ['relay.subscription.grant', false, 'failed'],
  ['relay.connection.signin_refuse', false, 'refused'],
  ['relay.admin.denied', true, 'refused'],
  ['user.logged_in', false, 'failed'],
])('%s with success %s is %s', (action, success, expected) => {
  expect(outcome(record(action, { success }))).toBe(expected);
});

test('a filter may name actions and what several begin with', () => {
  expect(suggestions()).toEqual(expect.arrayContaining(['relay.*', 'relay.subscription.*', 'context.env_var.*', 'relay.subscription.deny']));
  expect(suggestions()).not.toContain('relay.webhook.*');
});
