// The log as a list of lines, made from raw terminal output: colours, links,
// progress lines overwritten with CR, and cursor movement within the last
// lines, as multi-line progress (docker, BuildKit) needs it. Pure: no DOM.

import type { Gap } from '../decode';
import { Line } from './line';
import { osc8Target } from './links';
import { Parser } from './parser';
import type { Sink } from './parser';
import { SgrMachine } from './sgr';
import { Styles } from './style';

/** How many lines above the last one the cursor can reach. */
export const WINDOW = 256;
/** Lines a log keeps; further output is counted in `refused`, not stored. */
export const MAX_LINES = 500_000;
const TAB = 8;
/** How far right the cursor moves over nothing; a wider terminal is not believed in. */
const REACH = 400;

export class Terminal implements Sink {
  readonly lines: Line[] = [];
  readonly styles = new Styles();
  /** Characters not stored because the log has MAX_LINES lines. */
  refused = 0;
  /** Lines with a gap before them, by index, in order. */
  readonly gaps: number[] = [];

  /** For each gap, how many lines are missing up to it. */
  private readonly missing: number[] = [];

  private readonly parser = new Parser(this);
  private row = 0;
  private column = 0;
  private saved = { row: 0, column: 0 };
  private readonly sgr = new SgrMachine(this.styles);
  private style = 0;

  /** Takes the next piece of output; escape sequences may be cut anywhere. */
  write(text: string): void {
    this.parser.parse(text);
  }

  /**
   * Notes that output is missing here. What follows starts on a line of its own, with
   * the colours reset, as the missing part may have ended any number of lines.
   */
  gap(gap: Gap): void {
    // The first line end that is missing may be that of a line that is here.
    const open = this.lines.length > this.row ? 1 : 0;
    this.begin();
    const line = this.current();
    if (!line) return;
    line.gap = gap;
    line.version++;
    this.missing.push((this.missing.at(-1) ?? 0) + (gap.lines === null ? 0 : gap.lines - open));
    this.gaps.push(this.row);
  }

  /** The number of a line, by its index: from 1, and lines that are known to be missing count. */
  numberOf(index: number): number {
    let before = this.gaps.length;
    while (before > 0 && this.gaps[before - 1]! > index) before--;
    return index + 1 + (this.missing[before - 1] ?? 0);
  }

  /** Forgets everything. */
  reset(): void {
    this.lines.length = this.gaps.length = this.missing.length = 0;
    this.refused = 0;
    this.saved = { row: 0, column: 0 };
    this.begin();
  }

  /** A new line at the end, and nothing known of what was before. */
  private begin(): void {
    this.parser.reset();
    this.style = 0;
    this.row = this.lines.length;
    this.column = 0;
  }

  /** The whole log without escape sequences, one line feed after each line; `tell` puts gaps into words. */
  text(tell: (gap: Gap) => string): string {
    return this.lines.map((line) => (line.gap ? `[${tell(line.gap)}]\n` : '') + line.text + '\n').join('');
  }

  print(text: string): void {
    const line = this.current();
    if (!line) {
      this.refused += text.length;
      return;
    }
    line.put(this.column, text, this.style);
    this.column = Math.min(this.column + text.length, line.text.length);
  }

  control(code: number): void {
    switch (code) {
      case 0x08:
        this.column = Math.max(0, this.column - 1);
        break;
      case 0x09:
        this.tab();
        break;
      case 0x0a:
      case 0x0b:
        this.lineFeed();
        this.column = 0;
        break;
      case 0x0d:
        this.column = 0;
        break;
    }
  }

  sequence(kind: 'csi' | 'esc' | 'osc', final: string, body: string): void {
    if (kind === 'csi') this.csi(final, body);
    else if (kind === 'esc') this.esc(final);
    else this.osc(body);
  }

  private csi(final: string, params: string): void {
    if (/[^0-9;:]/.test(params)) return; // private and intermediate forms: modes, queries, cursor shape
    const first = parseInt(params, 10) || 0;
    const count = Math.max(1, first);
    switch (final) {
      case 'm':
        this.style = this.sgr.apply(this.style, params);
        return;
      case 'K':
        return this.eraseInLine(first);
      case 'J':
        return this.eraseBelow(first);
      case 'P':
        return this.lines[this.row]?.remove(this.column, count);
      case 'X':
        return this.lines[this.row]?.blank(this.column, count);
      default:
        return this.move(final, count);
    }
  }

  private move(final: string, count: number): void {
    switch (final) {
      case 'A':
        return this.up(count);
      case 'B':
        return this.down(count);
      case 'C':
        return this.right(this.column + count);
      case 'D':
        this.column = Math.max(0, this.column - count);
        return;
      case 'E':
        this.column = 0;
        return this.down(count);
      case 'F':
        this.column = 0;
        return this.up(count);
      case 'G':
        return this.right(count - 1);
      case 's':
        return this.save();
      case 'u':
        return this.restore();
    }
  }

  private esc(final: string): void {
    switch (final) {
      case '7':
        return this.save();
      case '8':
        return this.restore();
      case 'D':
        return this.lineFeed();
      case 'E':
        this.column = 0;
        return this.lineFeed();
      case 'M':
        return this.up(1);
      case 'c':
        this.style = 0;
        return;
    }
  }

  private osc(body: string): void {
    const href = osc8Target(body);
    if (href !== undefined) this.style = this.styles.id({ ...this.styles.get(this.style), href });
  }

  /** The cursor's line, made when it does not exist yet; undefined when the log is full. */
  private current(): Line | undefined {
    while (this.lines.length <= this.row && this.lines.length < MAX_LINES) {
      this.lines.push(new Line());
    }
    return this.lines[this.row];
  }

  private lineLength(): number {
    return this.lines[this.row]?.text.length ?? 0;
  }

  private lineFeed(): void {
    if (this.current()) this.row++;
  }

  private up(count: number): void {
    const top = Math.max(0, this.lines.length - WINDOW);
    this.row = Math.max(Math.min(top, this.row), this.row - count);
  }

  private down(count: number): void {
    this.row = Math.min(Math.max(this.row, this.lines.length), this.row + count);
  }

  private right(column: number): void {
    this.column = Math.min(column, Math.max(REACH, this.lineLength()));
  }

  private tab(): void {
    const length = this.lineLength();
    if (this.column === length) return this.print('\t');
    const onTab = this.lines[this.row]?.text[this.column] === '\t';
    this.right(onTab ? this.column + 1 : this.column - (this.column % TAB) + TAB);
  }

  private eraseInLine(mode: number): void {
    const line = this.lines[this.row];
    if (!line) return;
    if (mode === 0) line.truncate(this.column);
    if (mode === 1) line.blank(0, this.column + 1);
    if (mode === 2) line.truncate(0);
  }

  /** ED from the cursor down. Clearing the whole screen would take a log away, so it is ignored. */
  private eraseBelow(mode: number): void {
    if (mode !== 0) return;
    this.eraseInLine(0);
    const last = Math.min(this.lines.length, this.row + 1 + WINDOW);
    for (let i = this.row + 1; i < last; i++) this.lines[i]!.truncate(0);
  }

  private save(): void {
    this.saved = { row: this.row, column: this.column };
  }

  private restore(): void {
    const top = Math.max(0, this.lines.length - WINDOW);
    this.row = Math.max(top, Math.min(this.saved.row, this.lines.length));
    this.column = this.saved.column;
  }
}
