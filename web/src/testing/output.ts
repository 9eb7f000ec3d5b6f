// Output of builds as nobody would write it, for tests of properties.

import * as fc from 'fast-check';

/** Output, and what a reader sees of it; line ends are line feeds. */
export interface Piece {
  readonly raw: string;
  readonly shown: string;
}

const HOSTILE = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '</span></div><svg onload=alert(1)>', '" onmouseover="alert(1)',
  "'><iframe srcdoc='<script>'>", '&lt;b&gt;', '${alert(1)}', "{{constructor.constructor('alert(1)')()}}", '</textarea>',
  'javascript:alert(1)', 'data:text/html,<b>', 'https://example.org/a?b=1&c=2', 'https://good.example@evil.example/', 'http://[::1]:80/x',
  'a\u202eb', '\u200b', '\u2066x\u2069', 'Z\u0300\u0301\u0302\u0303a', '\u{e0041}\u{e0042}', '😀', '👩‍💻', 'שלום', '  ',
  '\u3164', 'a\u115f\u1160b', '\ufe0f', '❤\ufe0f', '1\ufe0f\u20e3', 'x\u{e0101}\u{e0102}', '\u034f', '\u0600\u0661',
]; // prettier-ignore

const ADDRESSES = [
  'https://example.org/a', 'http://example.org', 'HTTPS://EXAMPLE.ORG/%22%3E', 'https://bücher.example/', 'https://example.org/"><b>',
  'javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'data:text/html,<b>', 'vbscript:x', 'file:///etc/passwd', '//example.org',
  'https://good.example@evil.example/', 'https://', '',
]; // prettier-ignore

const any = fc.string({ unit: 'binary', maxLength: 12 });
/** Text without control characters. */
const printable = fc.oneof(fc.constantFrom(...HOSTILE), any.map((text) => text.replace(/[\x00-\x1f\x7f-\x9f]/g, '')));
const parameters = fc.array(fc.oneof(fc.constant(''), fc.nat(120).map(String), fc.constantFrom('38;5;9', '48;2;1;2;3', '38:2::1:2:3', '99999999')), {
  maxLength: 6,
});

const silent = (raw: fc.Arbitrary<string>): fc.Arbitrary<Piece> => raw.map((text) => ({ raw: text, shown: '' }));
const text = printable.map((shown) => ({ raw: shown, shown }));
const lineEnd = fc.constantFrom('\n', '\r\n', '\r\r\n').map((raw) => ({ raw, shown: '\n' }));
const dropped = silent(fc.constantFrom('\0', '\x07', '\f', '\x7f', '\x80', '\x99', '\x1b=', '\x1b(B', '\x1bc'));
const colours = silent(fc.tuple(fc.constantFrom('\x1b[', '\x9b'), parameters).map(([start, all]) => start + all.join(';') + 'm'));
const modes = silent(
  fc.tuple(fc.constantFrom('?', '>', '<', '='), fc.nat(3000), fc.constantFrom('h', 'l', 'c', 'm')).map(([mark, n, final]) => `\x1b[${mark}${n}${final}`),
);
const opening = fc.constantFrom('\x1b]0;', '\x1b]52;c;', '\x1b]1337;File=', '\x1bP', '\x1b_', '\x1b^', '\x1bX', '\x1bk', '\x9d', '\x90');
const controlString = silent(
  fc.tuple(opening, printable, fc.constantFrom('\x07', '\x1b\\', '\x9c')).map(([start, body, end]) => start + body + end),
);
/** It hides the rest of its line and nothing else. */
const openString = fc.tuple(opening, printable).map(([start, body]) => ({ raw: `${start}${body}\n`, shown: '\n' }));
const link = fc.tuple(fc.constantFrom(...ADDRESSES), printable).map(([address, shown]) => ({
  raw: `\x1b]8;;${address}\x1b\\${shown}\x1b]8;;\x1b\\`,
  shown,
}));

/** Output of which it can be said what is seen: the cursor goes nowhere but to the next line. */
export const plainOutput: fc.Arbitrary<Piece> = fc
  .array(fc.oneof(text, text, lineEnd, dropped, colours, modes, controlString, openString, link), { maxLength: 40 })
  .map((pieces) => ({ raw: pieces.map((p) => p.raw).join(''), shown: pieces.map((p) => p.shown).join('') }));

const moves = fc.tuple(fc.constantFrom('', '0', '1', '2', '7', '999999999'), fc.constantFrom(...'ABCDEFGJKPXsu')).map(([n, final]) => `\x1b[${n}${final}`);
const controls = fc.constantFrom('\r', '\b', '\t', '\v', '\x18', '\x1a', '\x1b7', '\x1b8', '\x1bD', '\x1bE', '\x1bM');
/** Sequences that are not whole, and text that is not. */
const broken = fc.constantFrom('\x1b', '\x1b[', '\x1b[3', '\x1b[38;5', '\x1b]8;;https://example.org/', '\x1b]', '\x1bP', '\ud83d', '\ude00');

/** A name or a value that somebody else chose. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(fc.constantFrom(...HOSTILE), any);

/** Any output at all. */
export const anyOutput: fc.Arbitrary<string> = fc
  .array(fc.oneof(plainOutput.map((p) => p.raw), moves, moves, controls, broken, any), { maxLength: 25 })
  .map((pieces) => pieces.join(''));

/** The output in pieces, cut anywhere, even within characters. */
export function inPieces(output: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc.tuple(output, fc.array(fc.nat(), { maxLength: 30 })).map(([whole, places]) => {
    const cuts = places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b);
    return [0, ...cuts].map((from, i) => whole.slice(from, cuts[i]));
  });
}

/**
 * Fails the test for a value of which something does not hold, with the seed that finds it
 * again. PROPERTY_RUNS says how many values are tried, 300 if it is not set.
 */
export function forAll<T>(values: fc.Arbitrary<T>, holds: (value: T) => void): void {
  const property = fc.property(values, (value) => {
    holds(value);
  });
  fc.assert(property, { numRuns: Number(import.meta.env['PROPERTY_RUNS'] ?? 300) });
}
