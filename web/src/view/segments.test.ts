import { describe, expect, test } from 'vitest';
import { named, plain } from '../invisible';
import { Terminal } from '../terminal/terminal';
import { segments } from './segments';

function cut(input: string, limit = 1000) {
  const terminal = new Terminal();
  terminal.write(input);
  return segments(terminal.lines[0]!, terminal.styles, limit);
}

const shown = (input: string) => cut(input).map((s) => [s.text, s.href]);

describe('addresses in text', () => {
  const table: [string, string, string[]][] = [
    ['alone', 'https://example.org/a', ['https://example.org/a']],
    ['in a sentence', 'see https://example.org/a, or http://example.com.', ['https://example.org/a', 'http://example.com/']],
    ['in brackets', '(https://example.org/a) [https://example.org/b]', ['https://example.org/a', 'https://example.org/b']],
    ['with brackets of its own', 'https://example.org/a_(b)', ['https://example.org/a_(b)']],
    ['in quotes', '"https://example.org/a"', ['https://example.org/a']],
    ['in markup', '<a href="https://example.org/a">x</a>', ['https://example.org/a']],
    ['other schemes', 'javascript:alert(1) data://x ftp://example.org file:///x', []],
    ['user information', 'https://good.example@evil.example/', []],
    ['no host', 'https:// http:///', []],
    ['within a word', 'xhttps://example.org', []],
    ['endless brackets', 'https://example.org/' + ')'.repeat(100_000), []],
  ];
  test.each(table)('%s', (_, input, want) => {
    expect(cut(input, Infinity).map((s) => s.href).filter((href) => href !== '')).toEqual(want);
  });

  test('keep all of the text', () => {
    const input = 'a https://example.org/x, b';
    expect(shown(input)).toEqual([['a ', ''], ['https://example.org/x', 'https://example.org/x'], [', b', '']]);
  });

  test('go on over a change of colour', () => {
    expect(shown('\x1b[31mhttps://example\x1b[32m.org/x\x1b[0m!')).toEqual([
      ['https://example', 'https://example.org/x'],
      ['.org/x', 'https://example.org/x'],
      ['!', ''],
    ]);
  });
});

describe('links whose text hides the host', () => {
  test('show it', () => {
    const [link] = cut('\x1b]8;;https://evil.example/x\x1b\\github.com\x1b]8;;\x1b\\');
    expect(link).toMatchObject({ text: 'github.com', host: 'evil.example' });
  });

  test('show it once, at the end', () => {
    const hosts = cut('\x1b]8;;https://evil.example/x\x1b\\git\x1b[1mhub\x1b]8;;\x1b\\ x').map((s) => s.host);
    expect(hosts).toEqual(['', 'evil.example', '']);
  });

  test('show nothing when the text has it', () => {
    expect(cut('\x1b]8;;https://example.org/x\x1b\\see example.org\x1b]8;;\x1b\\')[0]!.host).toBe('');
  });
});

describe('characters that hide or reorder', () => {
  test('are shown by name', () => {
    const got = cut('a\u202eb\u200bc').map((s) => [s.text, s.invisible]);
    expect(got).toEqual([['a', false], ['U+202E', true], ['b', false], ['U+200B', true], ['c', false]]);
  });

  test.each(['\u061c', '\u00ad', '\u200e', '\u180e', '\u2028', '\u{e0041}', '\u3164', '\u115f', '\u034f', '\ufe00', '\ufe0f', '\u{e0101}'])('are those of any kind: %j', (character) => {
    expect(cut(`a${character}b`).map((s) => s.text)).toEqual(['a', named(character), 'b']);
    expect(shown(`https://example.org/${character}x`)[0]).toEqual(['https://example.org/', 'https://example.org/']);
    expect(plain(`a${character}b`)).toBe('ab');
  });

  test('are not those that letters and emoji need', () => {
    expect(cut('👩‍💻 می‌خواهم ❤\ufe0f').map((s) => s.invisible)).toEqual([false]);
  });

  test('are judged by what stands before them, whatever its colour', () => {
    expect(shown('\x1b[31m❤\x1b[32m\ufe0f\x1b[0m\ufe0f')).toEqual([['❤', ''], ['\ufe0f', ''], ['U+FE0F', '']]);
  });

  test('end a part of a link, and start it anew', () => {
    const href = 'https://example.org/';
    expect(shown(`\x1b]8;;${href}\x1b\\a\u3164\x1b[1mb\x1b]8;;\x1b\\c`)).toEqual([['a', href], ['U+3164', ''], ['b', href], ['c', '']]);
  });

  test('end an address', () => {
    expect(shown('https://example.org/\u202etxt.exe')[0]).toEqual(['https://example.org/', 'https://example.org/']);
  });

  test('are left out of plain lines', () => {
    expect(plain('a\u202eb\u2066c\ufeffd\u3164e\ufe00')).toBe('abcde');
  });
});

test('only the asked-for part of a long line is cut', () => {
  const got = cut('\x1b[31m' + 'x'.repeat(50) + '\x1b[32m' + 'y'.repeat(50), 60);
  expect(got.map((s) => s.text.length)).toEqual([50, 10]);
});

test('markup is text', () => {
  expect(shown('<img src=x onerror=alert(1)>')).toEqual([['<img src=x onerror=alert(1)>', '']]);
});
