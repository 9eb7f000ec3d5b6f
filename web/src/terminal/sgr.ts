// SGR, "select graphic rendition": CSI … m (ECMA-48 8.3.117, ITU T.416 for
// the colon forms of colours). Blink, conceal, fonts and underline colours
// are read and ignored; concealed text stays visible on purpose.

import { BOLD, DEFAULT, DIM, INVERSE, ITALIC, PLAIN, RGB, STRIKE, UNDERLINE } from './style';
import type { Color, Style, Styles } from './style';

const ON: Readonly<Record<number, number>> = {
  1: BOLD,
  2: DIM,
  3: ITALIC,
  4: UNDERLINE,
  7: INVERSE,
  9: STRIKE,
  21: UNDERLINE,
};

const OFF: Readonly<Record<number, number>> = {
  22: BOLD | DIM,
  23: ITALIC,
  24: UNDERLINE,
  27: INVERSE,
  29: STRIKE,
};

const MAX_KNOWN = 4096;

/** Applies SGR to style ids, and remembers what came out: logs repeat few sequences. */
export class SgrMachine {
  private readonly known = new Map<string, number>();

  constructor(private readonly styles: Styles) {}

  /** The id of the style after these parameters. */
  apply(id: number, params: string): number {
    const key = `${id};${params}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const next = this.styles.id(applySgr(this.styles.get(id), params));
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(key, next);
    return next;
  }
}

type Mutable = { -readonly [K in keyof Style]: Style[K] };

/** The style after an SGR sequence with these parameters, for instance "1;31". */
export function applySgr(style: Style, params: string): Style {
  const next: Mutable = { ...style };
  const parts = params.split(';');
  for (let i = 0; i < parts.length; ) {
    i += applyOne(next, parts, i);
  }
  return next;
}

/** Applies the parameter at i and returns how many were used. */
function applyOne(style: Mutable, parts: string[], i: number): number {
  const sub = parts[i]!.split(':');
  const code = toNumber(sub[0]);
  if (code === 38 || code === 48 || code === 58) {
    return sub.length > 1 ? colonColor(style, code, sub) : semicolonColor(style, code, parts, i);
  }
  if (code === 4 && sub[1] === '0') style.flags &= ~UNDERLINE;
  else if (code === 0) Object.assign(style, PLAIN, { href: style.href });
  else if (ON[code]) style.flags |= ON[code]!;
  else if (OFF[code]) style.flags &= ~OFF[code]!;
  else applyColor(style, code);
  return 1;
}

function applyColor(style: Mutable, code: number): void {
  if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
  else if (code === 39) style.fg = DEFAULT;
  else if (code === 49) style.bg = DEFAULT;
}

/** 38;5;N and 38;2;R;G;B. */
function semicolonColor(style: Mutable, code: number, parts: string[], i: number): number {
  const mode = parts[i + 1];
  if (mode === '5') {
    set(style, code, indexed(parts[i + 2]));
    return 3;
  }
  if (mode === '2') {
    set(style, code, rgb(parts.slice(i + 2, i + 5)));
    return 5;
  }
  return 1;
}

/** 38:5:N, 38:2:R:G:B and 38:2:<colour space>:R:G:B. */
function colonColor(style: Mutable, code: number, sub: string[]): number {
  if (sub[1] === '5') set(style, code, indexed(sub[2]));
  if (sub[1] === '2') set(style, code, rgb(sub.slice(sub.length > 5 ? 3 : 2).slice(0, 3)));
  return 1;
}

function set(style: Mutable, code: number, color: Color | undefined): void {
  if (color === undefined) return;
  if (code === 38) style.fg = color;
  if (code === 48) style.bg = color;
}

function indexed(text: string | undefined): Color | undefined {
  const n = toNumber(text);
  return n <= 255 ? n : undefined;
}

function rgb(parts: string[]): Color | undefined {
  const [r, g, b] = [toNumber(parts[0]), toNumber(parts[1]), toNumber(parts[2])];
  if (r > 255 || g > 255 || b > 255) return undefined;
  return RGB | (r << 16) | (g << 8) | b;
}

/** A parameter's value; an empty one is 0, a malformed one 256 and so out of every range. */
function toNumber(text: string | undefined): number {
  if (!text) return 0;
  return /^\d{1,5}$/.test(text) ? Number(text) : 256;
}
