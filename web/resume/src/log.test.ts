import { describe, expect, test } from 'vitest';
import { parseFrame } from './frame.js';
import { ChannelLog } from './log.js';
import { CHANNEL, gap, History, notice, succeeded } from './testing/history.js';

/** A log and an application that shows what it gets of it. */
class Reader {
  readonly log = new ChannelLog(CHANNEL);
  /** Data of the events; a reset empties it. */
  shown: string[] = [];
  notices: string[] = [];

  read(...messages: string[]): this {
    for (const message of messages) {
      const frame = parseFrame(message)!;
      const { pass, notices } = this.log.receive(frame);
      this.notices.push(...notices.filter((notice) => notice !== 'position'));
      if (notices.includes('reset')) this.shown = [];
      if (pass && !/relay|pusher/.test(frame.event)) this.shown.push(JSON.parse(frame.data));
    }
    return this;
  }

  /** Reconnects and answers what was sent with the subscription. */
  reconnect(): object {
    this.log.disconnected();
    const start = this.log.subscribe({ from: 'start' });
    this.read(succeeded);
    return start;
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

describe('a log that is read from its beginning', () => {
  test('is complete when it is closed', () => {
    const history = new History().grow(5);
    const reader = new Reader().read(notice('position', {}, '0:0-0'), ...history.messages(1));
    expect([reader.log.complete, reader.log.incomplete]).toEqual([false, 'open']);
    reader.read(history.final({ lines: 5 }));
    expect([reader.log.complete, reader.log.incomplete]).toEqual([true, undefined]);
    expect(reader.log.final).toEqual({ entries: 5, lines: 5, bytes: null, digest: history.digest });
    expect(reader.notices).toEqual(['complete']);
  });

  test('continues where it was after a reconnect, and shows nothing twice', () => {
    const history = new History().grow(9);
    const reader = new Reader().read(...history.messages(1, 4));
    expect(reader.reconnect()).toEqual({ since: history.at(4) });
    reader.read(notice('position', {}, history.at(4)), ...history.messages(3), history.final());
    expect(reader.shown).toEqual(numbers(1, 9));
    expect(reader.log.complete).toBe(true);
  });

  test('learns of its end after a reconnect, when it was cut off before that', () => {
    const history = new History().grow(3);
    const reader = new Reader().read(...history.messages(1));
    reader.reconnect();
    reader.read(notice('position', { top: history.at(3) }, history.at(3)), history.final(), history.final());
    expect([reader.log.complete, reader.notices]).toEqual([true, ['complete']]);
  });

  test('keeps the bytes of every language in its digest', () => {
    const history = new History();
    history.append('größe', '"✔ 🚀 完了"');
    history.append('line', '"\\u001b[0m"');
    const reader = new Reader().read(...history.messages(1), history.final());
    expect(reader.log.complete).toBe(true);
  });

  test('is followed on an encrypted channel by the other names', () => {
    const history = new History().grow(2);
    const final = JSON.parse(history.final());
    const reader = new Reader().read(...history.messages(1), JSON.stringify({ ...final, event: 'pusher:relay_final' }));
    expect(reader.log.complete).toBe(true);
  });
});

describe('a log that is sealed', () => {
  const read = (history: History, ...messages: string[]) => new Reader().read(...messages, history.final());

  test('is complete by the count of its events', () => {
    const history = new History().seal(5);
    const reader = read(history, ...history.messages(1));
    expect([reader.log.complete, reader.log.sealed, reader.shown]).toEqual([true, true, numbers(1, 5)]);
    expect(reader.notices).toEqual(['complete']);
  });

  test('is so from some event on, or up to one', () => {
    for (const history of [new History().grow(3).seal(2), new History().seal(2).grow(3), new History().grow(2).seal(1).grow(2)]) {
      const { log } = read(history, ...history.messages(1));
      expect([log.complete, log.sealed]).toEqual([true, true]);
    }
  });

  test('is still open before it is closed', () => {
    const log = new Reader().read(...new History().seal(2).messages(1)).log;
    expect([log.incomplete, log.sealed]).toEqual(['open', true]);
  });

  test('is not complete when an event did not come, or another number is told', () => {
    const history = new History().seal(5);
    expect(read(history, ...history.messages(1, 2), ...history.messages(4)).log.incomplete).toBe('hole');
    expect(new Reader().read(...history.messages(1), history.final({ entries: 6 })).log.incomplete).toBe('changed');
  });

  test('is not complete when an event was changed before it was sealed', () => {
    const history = new History().grow(3).seal(2);
    const changed = history.messages(1).map((message) => message.replace('\\"2\\"', '\\"7\\"'));
    expect(read(history, ...changed).log.incomplete).toBe('changed');
  });

  test('says nothing of the next one', () => {
    const [sealed, plain] = [new History().seal(2), new History('00000000000000bb').grow(2)];
    const { log } = new Reader().read(...sealed.messages(1), ...plain.messages(1), plain.final());
    expect([log.complete, log.sealed]).toEqual([true, false]);
  });
});

describe('a log is not complete', () => {
  const history = new History().grow(10);
  const read = (...messages: string[]) => new Reader().read(...messages).log;

  test('while it is open', () => {
    expect(read(...history.messages(1)).incomplete).toBe('open');
  });

  test('when it was not read from its beginning', () => {
    expect(read(...history.messages(4), history.final()).incomplete).toBe('late');
    const rewound = read(notice('position', {}, history.at(7)), ...history.messages(8), history.final());
    expect([rewound.incomplete, rewound.missing]).toEqual(['late', 0]);
  });

  test('when a gap was told', () => {
    const told = gap(history.at(5), { from: history.at(2), resume_at: history.at(6), missing: 3 });
    const log = read(...history.messages(1, 2), told, ...history.messages(6), history.final());
    expect([log.incomplete, log.missing, log.position]).toEqual(['gap', 3, history.at(10)]);
    expect(log.gaps).toEqual([{ reason: 'trimmed', from: history.at(2), resumeAt: history.at(6), missing: 3, reset: false }]);
  });

  test('when events did not come and nobody told', () => {
    const log = read(...history.messages(1, 2), ...history.messages(5), history.final());
    expect([log.incomplete, log.missing]).toEqual(['hole', 2]);
    expect(read(...history.messages(1, 2), notice('position', {}, history.at(4))).missing).toBe(2);
  });

  test('when an event was changed on its way', () => {
    const changed = history.messages(1).map((message) => message.replace('\\"4\\"', '\\"5\\"'));
    expect(read(...changed, history.final()).incomplete).toBe('changed');
  });

  test.each([{ entries: 11 }, { digest: '0'.repeat(40) }])('when it is closed with %o', (change) => {
    expect(read(...history.messages(1), history.final(change)).incomplete).toBe('changed');
  });
});

describe('another history', () => {
  test('replaces what was shown, but not before it comes', () => {
    const [lost, again] = [new History().grow(6), new History('00000000000000bb').grow(3)];
    const reader = new Reader().read(...lost.messages(1), gap('0:0-0', { reason: 'epoch', reset: true }));
    expect([reader.shown, reader.log.incomplete, reader.log.missing]).toEqual([numbers(1, 6), 'gap', null]);
    expect(reader.reconnect()).toEqual({ since: '0:0-0' });
    reader.read(...again.messages(1));
    expect([reader.shown, reader.log.incomplete, reader.log.missing]).toEqual([numbers(1, 3), 'open', 0]);
    reader.read(again.final());
    expect(reader.log.complete).toBe(true);
    expect(reader.notices).toEqual(['gap', 'reset', 'complete']);
  });

  test('that is not retained from its beginning lacks that beginning', () => {
    const [lost, again] = [new History().grow(6), new History('00000000000000bb').grow(9)];
    const told = gap(again.at(4), { reason: 'epoch', resume_at: again.at(5), reset: true });
    const reader = new Reader().read(...lost.messages(1), told, ...again.messages(5), again.final());
    expect([reader.shown, reader.log.incomplete, reader.log.missing]).toEqual([numbers(5, 9), 'gap', 4]);
  });

  test('of the same epoch goes back to offsets that were seen', () => {
    const [lost, again] = [new History().grow(6), new History().grow(2)];
    again.append('line', '"other"');
    const told = gap(again.at(0), { reason: 'rollback', resume_at: again.at(1), reset: true });
    const reader = new Reader().read(...lost.messages(1), told, ...again.messages(1), again.final());
    expect([reader.shown, reader.log.complete]).toEqual([['1', '2', 'other'], true]);
  });

  test('may have lost its beginning while nothing came', () => {
    const [lost, again] = [new History().grow(2), new History('00000000000000bb').grow(9)];
    const reader = new Reader().read(
      ...lost.messages(1),
      gap('0:0-0', { reason: 'epoch', reset: true }),
      gap(again.at(4), { resume_at: again.at(5), missing: 4 }),
      ...again.messages(5),
    );
    expect([reader.shown, reader.log.missing, reader.log.gaps.length]).toEqual([numbers(5, 9), 4, 1]);
  });

  test('that begins when the log was closed replaces it untold', () => {
    const [closed, next] = [new History().grow(3), new History('00000000000000bb').grow(2)];
    const reader = new Reader().read(...closed.messages(1), closed.final(), ...next.messages(1), next.final());
    expect([reader.shown, reader.log.complete]).toEqual([numbers(1, 2), true]);
    expect(reader.notices).toEqual(['complete', 'reset', 'complete']);
  });
});

describe('a closed log that was seen', () => {
  const history = new History().grow(3);
  const expired = gap('0:0-0', { reason: 'epoch', from: history.at(3), reset: true });

  test('cannot lose anything when it expires', () => {
    const reader = new Reader().read(...history.messages(1), history.final(), expired);
    expect(reader.reconnect()).toEqual({ since: history.at(3) });
    reader.read(expired);
    expect([reader.shown, reader.log.complete, reader.notices]).toEqual([numbers(1, 3), true, ['complete']]);
  });

  test('stays what it is when Redis lost its end and it is sent again', () => {
    const told = gap(history.at(0), { reason: 'rollback', resume_at: history.at(1), reset: true });
    const reader = new Reader().read(...history.messages(1), history.final(), told, ...history.messages(1), history.final());
    expect([reader.shown, reader.notices]).toEqual([numbers(1, 3), ['complete']]);
  });

  test('but not completely, is told only what can still come', () => {
    const reader = new Reader().read(...history.messages(2), history.final(), expired);
    expect(reader.notices).toEqual([]);
    const told = gap(history.at(0), { reason: 'fork', resume_at: history.at(1), reset: true });
    reader.read(told, ...history.messages(1), history.final());
    expect([reader.shown, reader.notices]).toEqual([numbers(1, 3), ['gap', 'reset', 'complete']]);
  });
});

describe('a subscription', () => {
  test('starts as it was asked to, until there is a position', () => {
    const log = new ChannelLog(CHANNEL);
    expect(log.subscribe({ count: 5 })).toEqual({ rewind: { count: 5 } });
    expect(log.subscribe(undefined)).toEqual({ rewind: { from: 'rule' } });
    expect(log.state).toBe('waiting');
  });

  test('gets nothing of an earlier one that is still under way', () => {
    const history = new History().grow(9);
    const reader = new Reader();
    reader.log.subscribe({ from: 'start' });
    reader.read(...history.messages(8), notice('stale'), succeeded, notice('position', {}, '0:0-0'), ...history.messages(1));
    expect([reader.shown, reader.log.state, reader.notices]).toEqual([numbers(1, 9), 'live', []]);
  });

  test('catches up with where the log ended when it began', () => {
    const history = new History().grow(4);
    const reader = new Reader();
    const states: string[] = [];
    for (const message of [succeeded, notice('position', { top: history.at(2) }, '0:0-0'), ...history.messages(1)]) {
      states.push(reader.read(message).log.state);
    }
    expect(states).toEqual(['live', 'catching-up', 'catching-up', 'live', 'live', 'live']);
    reader.reconnect();
    reader.read(notice('position', { top: history.at(4) }, history.at(4)));
    expect(reader.log.state).toBe('live');
  });

  test('does not catch up with what is gone', () => {
    const history = new History().grow(3);
    const expired = gap('0:0-0', { reason: 'epoch', from: history.at(3), reset: true });
    for (const end of [[], [history.final()]]) {
      const reader = new Reader().read(...history.messages(1), ...end);
      reader.reconnect();
      reader.read(notice('position', { top: '0:0-0' }, history.at(3)), expired);
      expect(reader.log.state).toBe('live');
    }
  });

  test('is stale until the relay says that it is not, or there is a new one', () => {
    const reader = new Reader().read(notice('stale'));
    expect(reader.log.state).toBe('stale');
    reader.read(notice('fresh'));
    expect(reader.log.state).toBe('live');
    reader.read(notice('stale'));
    reader.reconnect();
    expect([reader.log.state, reader.notices]).toEqual(['live', ['stale', 'fresh', 'stale', 'fresh']]);
  });
});

test('events outside the log and notices that are not known reach the application', () => {
  const live = JSON.stringify({ event: 'client-typing', data: '"me"', channel: CHANNEL });
  const reader = new Reader().read(live);
  expect(reader.shown).toEqual(['me']);
  expect(reader.log.receive(parseFrame(notice('lost', { count: 3 }))!).pass).toBe(true);
  expect(reader.log.receive(parseFrame(notice('news', {}, 'aaaaaaaaaaaaaaaa:3-4'))!).pass).toBe(true);
  expect(reader.log.position).toBe(undefined);
});

test('notices that are not as documented change nothing', () => {
  const history = new History().grow(3);
  const reader = new Reader().read(...history.messages(1));
  for (const data of ['', '7', 'null', '{}', '[]', '{"from":7,"reset":"yes"}', '{"entries":-1,"digest":"x"}']) {
    for (const what of ['gap', 'final']) {
      const bad = JSON.stringify({ event: `relay:${what}`, data, channel: CHANNEL, relay: history.at(3) });
      expect(reader.log.receive(parseFrame(bad)!)).toEqual({ pass: true, notices: [] });
    }
  }
  expect([reader.log.position, reader.log.incomplete]).toEqual([history.at(3), 'open']);
});
