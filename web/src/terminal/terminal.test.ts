import { describe, expect, test } from 'vitest';
import type { Gap } from '../decode';
import { MAX_LINE } from './line';
import { BOLD, DEFAULT, DIM, INVERSE, ITALIC, RGB, UNDERLINE } from './style';
import { Terminal, WINDOW } from './terminal';

const gap: Gap = { by: 'log', amount: 12, lines: 340, reason: 'trimmed' };

function write(...chunks: string[]): Terminal {
  const terminal = new Terminal();
  for (const chunk of chunks) terminal.write(chunk);
  return terminal;
}

function texts(terminal: Terminal): string[] {
  return terminal.lines.map((line) => line.text);
}

/** Lines as text with styles, such as "plain[31]red": enough to compare two terminals. */
function picture(terminal: Terminal): string {
  return JSON.stringify(
    terminal.lines.map((line) => [line.text, (line.runs ?? []).map((n, i) => (i % 2 ? terminal.styles.get(n) : n))]),
  );
}

describe('lines', () => {
  const table: [string, string, string[]][] = [
    ['nothing', '', []],
    ['an unfinished line', 'a', ['a']],
    ['a finished line', 'a\n', ['a']],
    ['CR LF', 'a\r\nb\r\n', ['a', 'b']],
    ['CR CR LF', 'a\r\r\nb', ['a', 'b']],
    ['empty lines', '\n\na', ['', '', 'a']],
    ['CR overwrites from the left', '10%\r20%', ['20%']],
    ['CR leaves what is not overwritten', 'progress\rdone', ['doneress']],
    ['CR and erase to the end', 'progress\r\x1b[Kdone', ['done']],
    ['backspace', 'abc\b\bX', ['aXc']],
    ['backspace stops at the left', 'a\b\b\bX', ['X']],
    ['a tab is kept', 'a\tb', ['a\tb']],
    ['a tab moves over what is there', 'abcdefghij\r\tX', ['abcdefghXj']],
    ['vertical tab', 'a\vb', ['a', 'b']],
    ['NUL, BEL, form feed and DEL are dropped', 'a\0\x07\f\x7fb', ['ab']],
    ['half a surrogate pair becomes a blank', '😀b\rX', ['X b']],
    ['both halves of a pair are overwritten', '😀b\rXY', ['XYb']],
    ['the second half of a pair', 'a😀b\x1b[3GX', ['a Xb']],
  ];
  test.each(table)('%s', (_, input, want) => {
    expect(texts(write(input))).toEqual(want);
  });
});

describe('cursor', () => {
  const table: [string, string, string[]][] = [
    ['up and rewrite', 'a\nb\n\x1b[2A\x1b[2KX\n\x1b[2KY\n', ['X', 'Y']],
    ['up stops at the first line', 'a\n\x1b[99AX', ['X']],
    ['down stops below the last line', 'a\x1b[99B\rX', ['a', 'X']],
    ['forward fills with blanks', 'a\x1b[3CX', ['a   X']],
    ['back', 'abc\x1b[2DX', ['aXc']],
    ['column', 'abc\x1b[2GX', ['aXc']],
    ['next and previous line', 'a\nb\x1b[FX\x1b[EY', ['X', 'Y']],
    ['save and restore', 'ab\x1b7cd\x1b8X', ['abXd']],
    ['save and restore, CSI form', 'ab\x1b[scd\x1b[uX', ['abXd']],
    ['erase to the left', 'abcd\x1b[2G\x1b[1K', ['  cd']],
    ['erase below', 'a\nb\nc\x1b[2F\x1b[JX', ['X', '', '']],
    ['clearing the screen keeps the log', 'a\nb\n\x1b[2J\x1b[3J\x1b[Hc', ['a', 'b', 'c']],
    ['delete characters', 'abcd\r\x1b[2P', ['cd']],
    ['blank characters', 'abcd\r\x1b[2X', ['  cd']],
    ['a huge move to the right is bounded', '\x1b[999999999CX', [' '.repeat(400) + 'X']],
  ];
  test.each(table)('%s', (_, input, want) => {
    expect(texts(write(input))).toEqual(want);
  });

  test('reaches no further up than the window', () => {
    const terminal = write('line\n'.repeat(1000), '\x1b[1000000000AX');
    expect(texts(terminal).indexOf('Xine')).toBe(1000 - WINDOW);
  });
});

describe('sequences that do nothing are dropped', () => {
  const table: [string, string][] = [
    ['title, ended by BEL', 'a\x1b]0;title\x07b'],
    ['title, ended by ST', 'a\x1b]2;title\x1b\\b'],
    ['clipboard', 'a\x1b]52;c;aGk=\x07b'],
    ['inline image', `a\x1b]1337;File=inline=1:${'A'.repeat(100_000)}\x07b`],
    ['DCS', 'a\x1bP+q544e\x1b\\b'],
    ['APC, as build agents send time stamps', 'a\x1b_bk;t=1700000000000\x07b'],
    ['PM and SOS', 'a\x1b^x\x1b\\\x1bXy\x1b\\b'],
    ['screen title', 'a\x1bkname\x1b\\b'],
    ['private modes', 'a\x1b[?25l\x1b[?1049h\x1b[>c\x1b[!pb'],
    ['queries', 'a\x1b[c\x1b[6n\x1b[5nb'],
    ['character sets', 'a\x1b(0\x1b)B\x1b%Gb'],
    ['keypad modes', 'a\x1b=\x1b>b'],
    ['C1 CSI', 'a\x9b31m\x9b0mb'],
    ['C1 OSC and ST', 'a\x9d0;title\x9cb'],
    ['C1 DCS and APC', 'a\x90x\x9c\x9fy\x9cb'],
    ['other C1', 'a\x80\x99b'],
    ['a CSI cut short by another', 'a\x1b[31\x1b[0mb'],
    ['CAN and SUB', 'a\x1b[31\x18\x1b]0;x\x1ab'],
  ];
  test.each(table)('%s', (_, input) => {
    expect(texts(write(input))).toEqual(['ab']);
  });
});

describe('unterminated sequences do not swallow the log', () => {
  test.each(['\x1b]0;title', '\x1bP', '\x1b_', '\x1b^', '\x1bX', '\x9d', '\x1bk'])('%j ends with the line', (start) => {
    expect(texts(write(`a${start}hidden\nb\n`))).toEqual(['a', 'b']);
  });

  test('a control string without line feeds ends at its bound', () => {
    const terminal = write('\x1b]0;');
    for (let i = 0; i < 110; i++) terminal.write('x'.repeat(10_000));
    terminal.write('seen');
    expect(terminal.text(String)).toContain('seen');
  });

  test('a CSI ends at its bound', () => {
    expect(texts(write('\x1b[' + '1;'.repeat(5000) + 'mX')).join('')).toMatch(/mX$/);
  });

  test('a CSI is ended by a character that cannot be in it', () => {
    expect(texts(write('\x1b[31ü'))).toEqual(['ü']);
  });

  test('a line feed inside a CSI still counts', () => {
    expect(texts(write('a\x1b[3\n1mb'))).toEqual(['a', 'b']);
  });

  test('a gap ends an unfinished sequence', () => {
    const terminal = write('a\x1b]0;title');
    terminal.gap(gap);
    terminal.write('b');
    expect(texts(terminal)).toEqual(['a', 'b']);
  });
});

describe('styles', () => {
  const style = (input: string) => {
    const terminal = write(input + 'X');
    const runs = terminal.lines.at(-1)!.runs;
    return terminal.styles.get(runs ? runs.at(-1)! : 0);
  };
  const table: [string, string, object][] = [
    ['16 colours', '\x1b[31;42m', { fg: 1, bg: 2 }],
    ['bright colours', '\x1b[91;102m', { fg: 9, bg: 10 }],
    ['256 colours', '\x1b[38;5;208;48;5;17m', { fg: 208, bg: 17 }],
    ['true colour', '\x1b[38;2;1;2;3m', { fg: RGB | 0x010203 }],
    ['true colour with colons', '\x1b[38:2::1:2:3m', { fg: RGB | 0x010203 }],
    ['true colour with colons, no colour space', '\x1b[48:2:1:2:3m', { bg: RGB | 0x010203 }],
    ['256 colours with colons', '\x1b[38:5:208m', { fg: 208 }],
    ['a colour out of range is ignored', '\x1b[38;5;256m\x1b[38;2;1;2;256m', { fg: DEFAULT }],
    ['what follows a colour', '\x1b[38;5;1;1m', { fg: 1, flags: BOLD }],
    ['underline colour is read and ignored', '\x1b[58;5;1;3m', { flags: ITALIC, fg: DEFAULT }],
    ['flags', '\x1b[1;2;3;4;7m', { flags: BOLD | DIM | ITALIC | UNDERLINE | INVERSE }],
    ['flags off', '\x1b[1;2;3;4;7m\x1b[22;23;24;27m', { flags: 0 }],
    ['curly underline on and off', '\x1b[4:3m\x1b[4:0m', { flags: 0 }],
    ['empty parameters reset', '\x1b[31m\x1b[m', { fg: DEFAULT }],
    ['an empty parameter is 0', '\x1b[31;m', { fg: DEFAULT }],
    ['default colours', '\x1b[31;42;39;49m', { fg: DEFAULT, bg: DEFAULT }],
    ['concealed text stays visible', '\x1b[8m', { flags: 0 }],
    ['other sequences that end in m', '\x1b[>4;1m\x1b[?1m', { flags: 0 }],
    ['C1 CSI', '\x9b31m', { fg: 1 }],
    ['ESC c resets', '\x1b[31m\x1bc', { fg: DEFAULT }],
  ];
  test.each(table)('%s', (_, input, want) => {
    expect(style(input)).toMatchObject(want);
  });

  test('runs follow text that is overwritten', () => {
    const terminal = write('\x1b[31maaaa\x1b[32mbbbb\x1b[0m\x1b[3G\x1b[34mXXXX');
    const line = terminal.lines[0]!;
    const colours = line.runs!.map((n, i) => (i % 2 ? terminal.styles.get(n).fg : n));
    expect(line.text).toBe('aaXXXXbb');
    expect(colours).toEqual([0, 1, 2, 4, 6, 2]);
  });

  test('overwriting random parts agrees with a plain model', () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    const terminal = new Terminal();
    const model: string[] = [];
    for (let i = 0; i < 2000; i++) {
      const [at, length, colour] = [random(60), 1 + random(9), random(8)];
      terminal.write(`\x1b[${at + 1}G\x1b[3${colour}m` + 'x'.repeat(length));
      while (model.length < at) model.push('-1');
      for (let k = 0; k < length; k++) model[at + k] = String(colour);
      if (i % 50 === 49) {
        terminal.write(`\x1b[${random(40) + 1}G\x1b[K`);
        model.length = Math.min(model.length, terminal.lines[0]!.text.length);
      }
      expect(coloursOf(terminal)).toEqual(model);
    }
  });

  test('a million changes of colour without text cost no runs', () => {
    const terminal = write('\x1b[31m\x1b[32m'.repeat(100_000), 'X');
    expect(terminal.lines[0]!.runs).toHaveLength(2);
  });

  test('a line has a bounded number of runs', () => {
    const terminal = write('\x1b[31ma\x1b[32mb'.repeat(20_000));
    expect(terminal.lines[0]!.text).toHaveLength(40_000);
    expect(terminal.lines[0]!.runs!.length).toBeLessThanOrEqual(8192);
  });
});

function coloursOf(terminal: Terminal): string[] {
  const { text, runs } = terminal.lines[0]!;
  const list = runs ?? [0, 0];
  const out: string[] = [];
  for (let r = 0; r < list.length; r += 2) {
    const end = list[r + 2] ?? text.length;
    for (let i = list[r]!; i < end; i++) out.push(String(terminal.styles.get(list[r + 1]!).fg));
  }
  return out;
}

describe('links by OSC 8', () => {
  const hrefs = (input: string) => {
    const terminal = write(input);
    const runs = terminal.lines[0]?.runs ?? [];
    return runs.filter((_, i) => i % 2).map((id) => terminal.styles.get(id).href);
  };
  const link = (address: string) => `\x1b]8;;${address}\x1b\\text\x1b]8;;\x1b\\ after`;

  test('http and https', () => {
    expect(hrefs(link('https://example.org/a?b=c'))).toEqual(['https://example.org/a?b=c', '']);
    expect(hrefs(link('http://example.org'))).toEqual(['http://example.org/', '']);
  });

  test('parameters and BEL', () => {
    expect(hrefs('\x1b]8;id=1:x=2;https://example.org/\x07text\x1b]8;;\x07')).toEqual(['https://example.org/']);
  });

  test('a reset of colours does not end a link', () => {
    expect(hrefs('\x1b]8;;https://example.org/\x07\x1b[1ma\x1b[0mb')).toEqual(['https://example.org/', 'https://example.org/']);
  });

  test.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://example.org/x',
    '//example.org/x',
    'https:example.org',
    'https://good.example@evil.example/',
    'https://user:pass@evil.example/',
    'https://',
    'https://' + 'a'.repeat(100_000),
  ])('address %#, not http(s) or disguised, is no link', (address) => {
    expect(hrefs(link(address))).toEqual([]);
  });
});

describe('output cut anywhere gives the same log', () => {
  const input =
    'start \x1b[1;31mred\x1b[0m\x1b[38;2;10;20;30mtrue\x1b[m\r\n' +
    'one\ntwo\x1b[1A\r\x1b[2Kthree\x1b[1B\x1b]8;;https://example.org/\x1b\\link\x1b]8;;\x07\n' +
    'a\x9b32mgreen\x9d0;t\x9c\x1b_bk;t=1\x07\x1b(B😀\tü\r10%\r20%\x1b[K\x1bP1$r\x1b\\end\x1b]0;open\nlast';
  const whole = picture(write(input));

  test('in two, at every place', () => {
    for (let i = 0; i <= input.length; i++) {
      expect(picture(write(input.slice(0, i), input.slice(i)))).toBe(whole);
    }
  });

  test('into single characters', () => {
    expect(picture(write(...input.split('')))).toBe(whole);
  });
});

describe('bounds', () => {
  test('a line keeps no more than its limit and counts the rest', () => {
    const terminal = write(...Array.from({ length: 30 }, () => 'x'.repeat(10_000)));
    const line = terminal.lines[0]!;
    expect(line.text).toHaveLength(MAX_LINE);
    expect(line.cut).toBe(300_000 - MAX_LINE);
  });

  test('a gap starts a line of its own and resets the colours', () => {
    const terminal = write('\x1b[31mred');
    terminal.gap(gap);
    terminal.write('after\n');
    expect(texts(terminal)).toEqual(['red', 'after']);
    expect(terminal.lines[1]).toMatchObject({ gap, runs: null });
    expect(terminal.gaps).toEqual([1]);
    expect(terminal.text(({ amount }) => `${amount} missing`)).toBe('red\n[12 missing]\nafter\n');
  });

  test('lines that are known to be missing count', () => {
    const numbers = (terminal: Terminal) => terminal.lines.map((_, index) => terminal.numberOf(index));
    const terminal = write('one\ntwo\n');
    terminal.gap(gap);
    terminal.write('343\n344');
    terminal.gap({ ...gap, lines: 2 }); // one of them ends line 344
    terminal.write('346\n');
    expect(numbers(terminal)).toEqual([1, 2, 343, 344, 346]);
    terminal.gap({ ...gap, lines: null });
    terminal.write('347 or later');
    expect(numbers(terminal)).toEqual([1, 2, 343, 344, 346, 347]);
    terminal.reset();
    terminal.write('one');
    expect(numbers(terminal)).toEqual([1]);
  });

  test('after a reset nothing is left', () => {
    const terminal = write('one\n\x1b7\x1b[31mtwo\x1b[1');
    terminal.gap(gap);
    terminal.reset();
    terminal.write('1m\x1b8three');
    expect(texts(terminal)).toEqual(['three']);
    expect(terminal.lines[0]!.runs).toBe(null);
    expect(terminal.gaps).toEqual([]);
  });

  test('text() is the log without escape sequences', () => {
    expect(write('\x1b[31ma\x1b[0m\nb').text(String)).toBe('a\nb\n');
  });
});
