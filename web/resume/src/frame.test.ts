import { expect, test } from 'vitest';
import { noticeOf, parseFrame } from './frame.js';
import { parsePosition } from './position.js';

test('a message keeps its data as it was published', () => {
  const message = { event: 'e', channel: 'c', data: '{"a": 1}', relay: '00000000000000aa:7-9' };
  const frame = {
    event: 'e',
    channel: 'c',
    data: '{"a": 1}',
    at: { epoch: '00000000000000aa', offset: 7, nonce: 9, text: '00000000000000aa:7-9' },
  };
  expect(parseFrame(JSON.stringify(message))).toEqual({ ...frame, sealed: false });
  expect(parseFrame(JSON.stringify({ ...message, sealed: true }))).toEqual({ ...frame, sealed: true });
});

test('what is no message of a channel is none', () => {
  for (const message of [undefined, 7, new Uint8Array(3), '', 'x', '7', 'null', '[]', '{}', '{"event":"pusher:ping"}', '{"event":7,"channel":"c"}']) {
    expect(parseFrame(message)).toBe(undefined);
  }
});

test('a position is one that the relay gives', () => {
  expect(parsePosition('0:0-0')).toMatchObject({ epoch: '0', offset: 0, nonce: 0 });
  expect(parsePosition('0123456789abcdef:123456789012345-4294967295')).toMatchObject({ offset: 123456789012345, nonce: 4294967295 });
  for (const text of [undefined, null, 7, '', '0', '0:0', '0-0', 'x:1-1', '0123456789ABCDEF:1-1', '0123456789abcdef:1-', ' 0:0-0', '0:0-0\n', '0123456789abcdef:1234567890123456-1']) {
    expect(parsePosition(text)).toBe(undefined);
  }
});

test('the notices of the relay are known by both names', () => {
  expect(noticeOf('relay:gap')).toBe('gap');
  expect(noticeOf('pusher:relay_gap')).toBe('gap');
  for (const event of ['gap', 'relay:', 'relay_gap', 'pusher:gap', 'xrelay:gap', 'relay:gap-row', 'client-relay:gap']) {
    expect(noticeOf(event)).toBe(undefined);
  }
});
