// Draws blocks of lines. A row is drawn again only when its line has changed.

import { BOLD, ITALIC, STRIKE, UNDERLINE } from '../terminal/style';
import type { Line } from '../terminal/line';
import type { Terminal } from '../terminal/terminal';
import type { Gap } from '../decode';
import { gapReason, gapTitle } from '../words';
import { el } from './dom';
import { count } from './format';
import { BLOCK, CLIP } from './heights';
import type { Heights } from './heights';
import { icon } from './icons';
import type { Palette } from './palette';
import { segments } from './segments';
import type { Segment } from './segments';

/** What rows are drawn from. */
export interface RowContext {
  readonly terminal: Terminal;
  readonly heights: Heights;
  palette: Palette;
  /** The reader asks for more of a long line. */
  expand(index: number): void;
}

interface Row {
  readonly element: HTMLElement;
  version: number;
  limit: number;
}

/** A block's element and what it shows. */
export class Block {
  readonly element: HTMLElement;
  private readonly rows: Row[] = [];

  constructor(readonly index: number) {
    this.element = el('div.block', { 'data-index': String(index) });
  }

  /** Brings the element up to date; answers whether anything changed. */
  update(context: RowContext): boolean {
    const lines = context.terminal.lines;
    const first = this.index * BLOCK;
    const size = Math.min(BLOCK, lines.length - first);
    let changed = false;
    for (let i = 0; i < size; i++) {
      const line = lines[first + i]!;
      const limit = context.heights.limit(first + i);
      const row = this.rows[i] ?? this.addRow(context.terminal.numberOf(first + i));
      if (row.version === line.version && row.limit === limit) continue;
      if (line.gap && row.version < 0) row.element.before(gapMark(line.gap));
      row.version = line.version;
      row.limit = limit;
      drawRow(row.element, first + i, context);
      changed = true;
    }
    return changed;
  }

  private addRow(number: number): Row {
    const row = { element: el('div.line', { 'data-line': String(number) }), version: -1, limit: 0 };
    this.rows.push(row);
    this.element.append(row.element);
    return row;
  }
}

function drawRow(row: HTMLElement, index: number, context: RowContext): void {
  const line = context.terminal.lines[index]!;
  const limit = context.heights.limit(index);
  const text = el('span.text');
  for (const segment of segments(line, context.terminal.styles, limit)) {
    text.append(drawSegment(segment, context.palette));
  }
  row.replaceChildren(text);
  if (line.text.length > limit || line.cut > 0) row.append(more(line, limit, () => context.expand(index)));
}

function drawSegment(segment: Segment, palette: Palette): Node {
  if (segment.invisible) return el('span.invisible', { title: 'A character that is invisible or reorders text' }, segment.text);
  const { style, href, text } = segment;
  const paint = palette.paint(style);
  const isPlain = href === '' && style.flags === 0 && !paint.color && !paint.background;
  if (isPlain) return document.createTextNode(text);
  const node = href === '' ? el('span', {}, text) : link(segment);
  if (paint.color) node.style.color = paint.color;
  if (paint.background) node.style.backgroundColor = paint.background;
  if (style.flags !== 0) node.classList.add(...classesOf(style.flags));
  return node;
}

function link(segment: Segment): HTMLAnchorElement {
  const node = el(
    'a',
    { href: segment.href, target: '_blank', rel: 'noopener noreferrer nofollow', title: segment.href },
    segment.text,
  );
  if (segment.host !== '') node.dataset['host'] = segment.host;
  return node;
}

function classesOf(flags: number): string[] {
  const classes: string[] = [];
  if (flags & BOLD) classes.push('bold');
  if (flags & ITALIC) classes.push('italic');
  if (flags & UNDERLINE) classes.push('underline');
  if (flags & STRIKE) classes.push('strike');
  return classes;
}

/**
 * What is missing between two lines: an element beside them, never within one, over
 * the whole width with the line numbers, where no text of a log can be.
 */
function gapMark(gap: Gap): HTMLElement {
  const [title, reason] = [gapTitle(gap), gapReason(gap)];
  return el(
    'aside.gap',
    { role: 'note', 'aria-label': `Gap: ${title}. ${reason}` },
    icon('warning'),
    el('div.gap-words', {}, el('strong', {}, title), el('span', {}, reason)),
  );
}

function more(line: Line, limit: number, expand: () => void): HTMLElement {
  const hidden = line.text.length - limit;
  const isLast = hidden <= 0 || limit > CLIP;
  if (isLast) {
    const rest = Math.max(0, hidden) + line.cut;
    return el('div.more', {}, el('span', {}, `${count(rest, 'more character')} in the download`));
  }
  const node = el('button.more-button', { type: 'button' }, `Show all ${count(line.text.length + line.cut, 'character')}`);
  node.addEventListener('click', expand);
  return el('div.more', {}, node);
}

