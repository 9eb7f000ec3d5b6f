// Cuts a line into pieces that look the same throughout. Pure.

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

// Bidirectional embeddings, overrides and isolates ("Trojan Source"), and
// characters without width that serve to hide or to split words.
const INVISIBLE = /[\u200b\u202a-\u202e\u2060-\u2069\ufeff]/;

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
      pushVisible(out, text.slice(at, to), style, style.href || (inside ? next.href : ''));
      at = to;
    }
  }
  return markHosts(out);
}

/** A text without anything invisible, for places that show one plain line. */
export function plain(text: string): string {
  return text.replace(new RegExp(INVISIBLE, 'g'), '');
}

function pushVisible(out: Segment[], text: string, style: Style, href: string): void {
  if (!INVISIBLE.test(text)) {
    out.push({ text, style, href, host: '', invisible: false });
    return;
  }
  for (const part of text.split(new RegExp(`(${INVISIBLE.source})`))) {
    if (part === '') continue;
    if (INVISIBLE.test(part)) {
      out.push({ text: codePoint(part), style: PLAIN, href: '', host: '', invisible: true });
    } else {
      out.push({ text: part, style, href, host: '', invisible: false });
    }
  }
}

function codePoint(char: string): string {
  return 'U+' + char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
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
