// Text styles, interned: a run of text carries a small number instead of an
// object, and a log of a million coloured words holds a few dozen styles.

export const BOLD = 1;
export const DIM = 2;
export const ITALIC = 4;
export const UNDERLINE = 8;
export const INVERSE = 16;
export const STRIKE = 32;

/** A colour: DEFAULT, a palette index 0–255, or RGB | 0xRRGGBB. */
export type Color = number;
export const DEFAULT: Color = -1;
export const RGB = 0x1000000;

export interface Style {
  readonly fg: Color;
  readonly bg: Color;
  /** BOLD | DIM | … */
  readonly flags: number;
  /** Target of an OSC 8 link, already checked to be http(s); '' for none. */
  readonly href: string;
}

export const PLAIN: Style = { fg: DEFAULT, bg: DEFAULT, flags: 0, href: '' };

const MAX_STYLES = 1 << 16;

/** The styles of one log. Id 0 is PLAIN. */
export class Styles {
  private readonly styles: Style[] = [PLAIN];
  private readonly ids = new Map<string, number>([[keyOf(PLAIN), 0]]);

  get(id: number): Style {
    return this.styles[id] ?? PLAIN;
  }

  /** The id of a style; 0 when a log has used up its 65,536 different ones. */
  id(style: Style): number {
    const key = keyOf(style);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    if (this.styles.length >= MAX_STYLES) return 0;
    this.ids.set(key, this.styles.length);
    return this.styles.push(style) - 1;
  }
}

function keyOf(s: Style): string {
  return `${s.fg},${s.bg},${s.flags},${s.href}`;
}
