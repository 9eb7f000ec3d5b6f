// Cuts a line into pieces that look the same throughout. Pure.

import { INVISIBLE, named } from '../invisible';
import type { Line } from '../terminal/line';
import { findLinks } from '../terminal/links';
import { PLAIN } from '../terminal/style';
import type { Style, Styles } from '../terminal/style';

export interface Segment {
  readonly text: string;
  readonly style: Style;
  /** '' when it is no link. */
  readonly href: string;
  /** Set on the last piece of a link that hides where it leads: the host. */
  readonly host: string;
  /** A character that can't be seen, or that changes the order of others; text is its name. */
  readonly invisible: boolean;
}

/** The pieces of a line's first `limit` UTF-16 units. */
export function segments(line: Line, styles: Styles, limit: number): Segment[] {
  const text = line.text.length > limit ? line.text.slice(0, limit) : line.text;
  const runs = line.runs ?? [0, 0];
  const links = findLinks(text);
  const out: Segment[] = [];
  let link = 0;
  for (let r = 0; r < runs.length && runs[r]! < text.length; r += 2) {
    const end = Math.min(runs[r + 2] ?? text.length, text.length);
    const style = styles.get(runs[r + 1]!);
    for (let at = runs[r]!; at < end; ) {
      while (link < links.length && links[link]!.to <= at) link++;
      const next = links[link];
      const inside = next !== undefined && next.from <= at;
      const to = Math.min(end, inside ? next.to : (next?.from ?? end));
      out.push({ text: text.slice(at, to), style, href: style.href || (inside ? next.href : ''), host: '', invisible: false });
      at = to;
    }
  }
  return markHosts(nameInvisible(out, text));
}

/** Puts names in place of what is invisible in a text that was cut into pieces. */
function nameInvisible(pieces: Segment[], text: string): Segment[] {
  const hidden = [...text.matchAll(INVISIBLE)];
  if (hidden.length === 0) return pieces;
  const out: Segment[] = [];
  let at = 0;
  let end = 0;
  let h = 0;
  for (const piece of pieces) {
    end += piece.text.length;
    for (; h < hidden.length && hidden[h]!.index < end; h++) {
      const { index, 0: character } = hidden[h]!;
      if (at < index) out.push({ ...piece, text: text.slice(at, index) });
      out.push({ text: named(character), style: PLAIN, href: '', host: '', invisible: true });
      at = index + character.length;
    }
    if (at < end) out.push({ ...piece, text: text.slice(at, end) });
    at = Math.max(at, end);
  }
  return out;
}

/** A link whose text does not contain its host gets the host beside it. */
function markHosts(out: Segment[]): Segment[] {
  let shown = '';
  return out.map((segment, i) => {
    if (segment.href === '') return segment;
    shown = out[i - 1]?.href === segment.href ? shown + segment.text : segment.text;
    if (out[i + 1]?.href === segment.href) return segment;
    const host = new URL(segment.href).host;
    return shown.includes(host) ? segment : { ...segment, host };
  });
}
