import { beforeEach, expect, test, vi } from 'vitest';
import { Identity } from './identity';

/** A browser's storage, and its tabs. */
class Browser {
  kept = new Map<string, string>();
  tabs: EventTarget[] = [];

  open(): Identity {
    const tab = new EventTarget();
    const store = {
      getItem: (key: string) => this.kept.get(key) ?? null,
      setItem: (key: string, newValue: string) => {
        this.kept.set(key, newValue);
        this.tell(tab, { key, newValue });
      },
    };
    this.tabs.push(tab);
    return new Identity(() => store, tab);
  }

  tell(from: EventTarget | undefined, change: { key: string | null; newValue: string | null }): void {
    const others = this.tabs.filter((tab) => tab !== from);
    for (const tab of others) tab.dispatchEvent(Object.assign(new Event('storage'), change));
  }
}

const KEY = 'buildrelay.person';
let browser: Browser;

beforeEach(() => {
  browser = new Browser();
});

test('somebody who comes gets an id and a name, and keeps them', () => {
  const { me } = browser.open();
  expect(me).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), name: expect.stringMatching(/^\w+ \w+$/) });
  expect(browser.open().me).toEqual(me);
  expect(new Browser().open().me.id).not.toBe(me.id);
});

test('an auth request says both', () => {
  const identity = browser.open();
  const { id, name } = identity.me;
  expect(identity.claim()).toEqual({ user_id: id, user_name: name });
});

test('another name is kept, and told to all tabs', () => {
  const [here, there] = [browser.open(), browser.open()];
  const changed = vi.fn();
  there.onChange(changed);
  here.rename('  Ann\n<b> ');
  expect([here.me.name, there.me, browser.open().me]).toEqual(['Ann <b>', here.me, here.me]);
  expect(changed).toHaveBeenCalledOnce();
});

test('what is no name changes nothing', () => {
  const identity = browser.open();
  const before = identity.me;
  const changed = vi.fn();
  identity.onChange(changed);
  for (const text of ['', ' \n', '\u200b', before.name, ` ${before.name} `]) identity.rename(text);
  expect(identity.me).toEqual(before);
  expect(changed).not.toHaveBeenCalled();
});

test.each(['', 'null', '7', '{}', '{"id":"x","name":"Ann"}', `{"id":"${'0'.repeat(32)}","name":7}`, '{"id":'])(
  'what is kept as %j is nobody',
  (text) => {
    browser.kept.set(KEY, text);
    const identity = browser.open();
    expect(identity.me.name).toMatch(/^\w+ \w+$/);
    expect(JSON.parse(browser.kept.get(KEY)!)).toEqual(identity.me);
    browser.tell(undefined, { key: KEY, newValue: text });
    browser.tell(undefined, { key: null, newValue: null });
    expect(identity.me.id).not.toBe('x');
  },
);

test('a name that is kept is hostile text as well', () => {
  browser.kept.set(KEY, JSON.stringify({ id: '0'.repeat(32), name: 'a\u202eb' }));
  expect(browser.open().me.name).toBe('ab');
});

test('without storage somebody lasts as long as the page', () => {
  const identity = new Identity(() => {
    throw new DOMException('forbidden', 'SecurityError');
  }, new EventTarget());
  identity.rename('Ann');
  expect(identity.me.name).toBe('Ann');
});
