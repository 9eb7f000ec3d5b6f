// One line of a log: its text and, where any part of it is styled, runs.

import type { Gap } from '../decode';

/** Longest text a line keeps, in UTF-16 units; what goes beyond is counted in `cut`. */
export const MAX_LINE = 1 << 18;
const MAX_RUNS = 4096;

export class Line {
  text = '';
  /** Pairs of start and style id: each run lasts to the next start. null: all plain. */
  runs: number[] | null = null;
  /** Grows with every change; a view compares it with the one it has drawn. */
  version = 0;
  /** What is missing just before this line. */
  gap: Gap | undefined;
  /** Characters left out because the line is over MAX_LINE. */
  cut = 0;

  /** Writes text at a column, over what is there; columns beyond the end are filled with blanks. */
  put(column: number, text: string, style: number): void {
    this.version++;
    if (column + text.length > MAX_LINE) {
      const room = Math.max(0, MAX_LINE - column);
      this.cut += text.length - room;
      text = text.slice(0, room);
    }
    if (text === '') return;
    if (column > this.text.length) this.pad(column);
    if (column === this.text.length) {
      this.appendRun(style);
      this.text += text;
    } else {
      this.overwrite(column, text, style);
    }
  }

  /** Removes everything from a column on. */
  truncate(column: number): void {
    if (column >= this.text.length) return;
    this.version++;
    this.cut = 0;
    this.text = this.text.slice(0, wholeBefore(this.text, column));
    const runs = this.runs;
    if (!runs) return;
    let n = runs.length;
    while (n > 0 && runs[n - 2]! >= this.text.length) n -= 2;
    this.runs = n > 0 ? runs.slice(0, n) : null;
  }

  /** Replaces the first `count` columns by blanks, as far as there is text. */
  blank(from: number, count: number): void {
    const n = Math.min(count, this.text.length - from);
    if (n > 0) this.put(from, ' '.repeat(n), 0);
  }

  /** Removes `count` characters at a column; the rest moves left. */
  remove(column: number, count: number): void {
    const tail = this.text.slice(column + count);
    this.truncate(column);
    if (tail !== '') this.put(column, tail, 0);
  }

  private pad(column: number): void {
    this.appendRun(0);
    this.text += ' '.repeat(column - this.text.length);
  }

  private appendRun(style: number): void {
    const at = this.text.length;
    const runs = this.runs;
    if (!runs) {
      if (style !== 0) this.runs = at > 0 ? [0, 0, at, style] : [0, style];
      return;
    }
    if (runs[runs.length - 1] !== style && runs.length < 2 * MAX_RUNS) runs.push(at, style);
  }

  private overwrite(column: number, text: string, style: number): void {
    const old = this.text;
    const end = column + text.length;
    // Half a surrogate pair left over at either edge becomes a blank.
    const head = splitsPair(old, column) ? old.slice(0, column - 1) + ' ' : old.slice(0, column);
    const tail = splitsPair(old, end) ? ' ' + old.slice(end + 1) : old.slice(end);
    this.text = head + text + tail;
    if (this.runs || style !== 0) this.overwriteRuns(column, end, style);
  }

  private overwriteRuns(from: number, to: number, style: number): void {
    const old = this.runs ?? [0, 0];
    const next: number[] = [];
    const add = (start: number, id: number) => {
      if (next[next.length - 1] !== id) next.push(start, id);
    };
    let i = 0;
    for (; i < old.length && old[i]! < from; i += 2) add(old[i]!, old[i + 1]!);
    let after = i > 0 ? old[i - 1]! : 0;
    add(from, style);
    for (; i < old.length && old[i]! <= to; i += 2) after = old[i + 1]!;
    if (to < this.text.length) add(to, after);
    for (; i < old.length; i += 2) add(old[i]!, old[i + 1]!);
    if (next.length <= 2 * MAX_RUNS) this.runs = next.length === 2 && next[1] === 0 ? null : next;
  }
}

function splitsPair(text: string, at: number): boolean {
  const low = text.charCodeAt(at);
  if (!(low >= 0xdc00 && low <= 0xdfff)) return false;
  const high = text.charCodeAt(at - 1);
  return high >= 0xd800 && high <= 0xdbff;
}

function wholeBefore(text: string, column: number): number {
  return splitsPair(text, column) ? column - 1 : column;
}
