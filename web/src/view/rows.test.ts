// @vitest-environment happy-dom
// What the page makes of a log, whatever a build prints.

import { expect, test } from 'vitest';
import { INVISIBLE, named } from '../invisible';
import { Terminal } from '../terminal/terminal';
import { anyOutput, forAll, inPieces, plainOutput } from '../testing/output';
import { BLOCK, CLIP, Heights } from './heights';
import { Palette } from './palette';
import { Block } from './rows';

const PATIENCE = 120_000;

/** A page's log, drawn as often as one likes. */
class Page {
  readonly terminal = new Terminal();
  readonly element = document.createElement('div');
  private readonly heights = new Heights(this.terminal.lines);
  private readonly palette = new Palette(true);
  private readonly blocks: Block[] = [];

  /** Draws the page after each piece of output. */
  static of(pieces: readonly string[]): Page {
    const page = new Page();
    for (const piece of pieces) {
      page.terminal.write(piece);
      page.draw();
    }
    return page;
  }

  draw(): void {
    while (this.blocks.length < Math.ceil(this.terminal.lines.length / BLOCK)) {
      const block = new Block(this.blocks.length);
      this.blocks.push(block);
      this.element.append(block.element);
    }
    const { terminal, heights, palette } = this;
    for (const block of this.blocks) block.update({ terminal, heights, palette, expand: () => undefined });
  }

  elements(selector = '*'): Element[] {
    return [...this.element.querySelectorAll(selector)];
  }
}

/** What a log may be made of: elements and, for each, attributes with what they may be. */
const STYLE = /^((background-)?color: #[0-9a-f]{6};? ?)*$/;
const ALLOWED: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  DIV: { class: /^(block|line|more)$/, 'data-index': /^\d+$/, 'data-line': /^\d+$/ },
  SPAN: {
    class: /^(text|invisible|((bold|italic|underline|strike) ?)+)?$/,
    style: STYLE,
    title: /^A character that is invisible or reorders text$/,
  },
  A: {
    class: /^((bold|italic|underline|strike) ?)*$/,
    style: STYLE,
    href: /^https?:\/\/[^\s@"<>/]+\/[^\s"<>]*$/,
    title: /^https?:\/\/[^\s@"<>/]+\/[^\s"<>]*$/,
    target: /^_blank$/,
    rel: /^noopener noreferrer nofollow$/,
    'data-host': /^[a-z0-9.:[\]-]+$/,
  },
  BUTTON: { class: /^more-button$/, type: /^button$/ },
};

test('a log is made of the elements and attributes that logs are made of', { timeout: PATIENCE }, () => {
  forAll(anyOutput, (output) => {
    for (const element of Page.of([output]).elements()) {
      const allowed = ALLOWED[element.tagName];
      expect(allowed, element.outerHTML).toBeDefined();
      for (const { name, value } of element.attributes) expect(value, `${name} of ${element.tagName}`).toMatch(allowed![name] ?? /^\b$/);
    }
  });
});

test('what is shown is what is printable, and what hides is shown by name', { timeout: PATIENCE }, () => {
  forAll(plainOutput, ({ raw, shown }) => {
    const lines = Page.of([raw]).elements('.line .text').map((text) => text.textContent);
    const all = shown.replace(INVISIBLE, named).split('\n');
    if (all.at(-1) === '') all.pop();
    expect(lines).toEqual(all);
  });
});

test('output cut anywhere, and drawn in between, gives the same page', { timeout: PATIENCE }, () => {
  forAll(inPieces(anyOutput), (pieces) => {
    expect(Page.of(pieces).element.innerHTML).toBe(Page.of([pieces.join('')]).element.innerHTML);
  });
});

test('a link leads where it says', { timeout: PATIENCE }, () => {
  forAll(anyOutput, (output) => {
    const links = Page.of([output]).elements('a') as HTMLAnchorElement[];
    links.forEach((link, i) => {
      const href = link.getAttribute('href')!;
      expect(link.title).toBe(href);
      // The host is in the text or beside it, at the end of a link that goes over several elements.
      const isLast = link.nextElementSibling?.getAttribute('href') !== href;
      let text = '';
      for (let k = i; k >= 0 && links[k]!.getAttribute('href') === href; k--) text = links[k]!.textContent + text;
      const { host } = new URL(href);
      if (isLast) expect(text.includes(host) || link.dataset['host'] === host, link.outerHTML).toBe(true);
    });
  });
});

test.each(['\u202e', '\u{e0041}', '\u3164', '❤\ufe0f\ufe00', '\x1b[31ma\x1b[32mb', 'https://a.b/ ', '\x1b]8;;https://a.b/\x07x\x1b]8;;\x07', 'Z\u0300\u0301'])(
  'a line of %j has no more elements than the part of it that is shown has characters',
  (part) => {
    expect(Page.of([part.repeat(5000)]).elements('.text *').length).toBeLessThanOrEqual(CLIP);
  },
);
