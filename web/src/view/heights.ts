// How high the blocks of a log are, without asking the browser: the font is
// fixed-width and lines wrap anywhere, so it can be computed. Pure.

import type { Line } from '../terminal/line';
import { WINDOW } from '../terminal/terminal';
import { columns } from '../terminal/width';

/**
 * Lines in a block. The virtual list works on blocks: with 50,000 lines it
 * has 1,600 entries to keep instead of 50,000, and appending a line changes
 * the size of one of them.
 */
export const BLOCK = 32;
/** Heights in CSS pixels; log.css has the same. */
export const LINE_HEIGHT = 20;
export const GAP_HEIGHT = 60;
export const MORE_HEIGHT = 28;
/** A line shows this much of its text until the reader asks for more. */
export const CLIP = 2000;
/** The most of one line that is ever laid out. */
export const CLIP_EXPANDED = 100_000;

export class Heights {
  private readonly cache: number[] = [];
  private columns = 80;
  private readonly expanded = new Set<number>();

  constructor(private readonly lines: readonly Line[]) {}

  get blocks(): number {
    return Math.ceil(this.lines.length / BLOCK);
  }

  /** The first block that may still change. */
  get firstMutable(): number {
    return Math.max(0, Math.floor((this.lines.length - WINDOW) / BLOCK) - 1);
  }

  /** Sets how many columns a row has; Infinity means that lines don't wrap. */
  setColumns(n: number): void {
    this.columns = Math.max(1, n);
    this.cache.length = 0;
  }

  /** To be called when there are other lines. */
  reset(): void {
    this.cache.length = 0;
    this.expanded.clear();
  }

  expand(index: number): void {
    this.expanded.add(index);
    delete this.cache[Math.floor(index / BLOCK)];
  }

  /** How much of a line's text is shown. */
  limit(index: number): number {
    return this.expanded.has(index) ? CLIP_EXPANDED : CLIP;
  }

  block(b: number): number {
    const known = this.cache[b];
    if (known !== undefined) return known;
    let height = 0;
    const end = Math.min(this.lines.length, (b + 1) * BLOCK);
    for (let i = b * BLOCK; i < end; i++) height += this.line(i);
    if (b < this.firstMutable) this.cache[b] = height;
    return height;
  }

  line(index: number): number {
    const line = this.lines[index]!;
    const limit = this.limit(index);
    const clipped = line.text.length > limit;
    const text = clipped ? line.text.slice(0, limit) : line.text;
    const rows = this.columns === Infinity ? 1 : Math.max(1, Math.ceil(columns(text) / this.columns));
    const extra = (line.gap ? GAP_HEIGHT : 0) + (clipped || line.cut > 0 ? MORE_HEIGHT : 0);
    return rows * LINE_HEIGHT + extra;
  }

  /** The line at a distance from the top of a block. */
  lineAt(b: number, y: number): number {
    const end = Math.min(this.lines.length, (b + 1) * BLOCK);
    let i = b * BLOCK;
    for (let rest = y; i < end - 1; i++) {
      rest -= this.line(i);
      if (rest < 0) break;
    }
    return i;
  }

  /** The distance of a line from the top of its block. */
  within(index: number): number {
    let y = 0;
    for (let i = index - (index % BLOCK); i < index; i++) y += this.line(i);
    return y;
  }
}
