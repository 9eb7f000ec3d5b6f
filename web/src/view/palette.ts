// The colours of log text. Programs choose theirs for some terminal; here they
// are shown on a light or a dark page, so every text colour is moved until it
// can be read on its background. White on white can't hide anything. Pure.

import { DEFAULT, DIM, INVERSE, RGB } from '../terminal/style';
import type { Color, Style } from '../terminal/style';

/** CSS colours; undefined means the log's own. */
export interface Paint {
  readonly color: string | undefined;
  readonly background: string | undefined;
}

interface Scheme {
  readonly text: number;
  readonly page: number;
  readonly colors: readonly number[];
  /** Palette entries that differ as a background. */
  readonly backgrounds: Readonly<Record<number, number>>;
}

const DARK: Scheme = {
  text: 0xd3dae3,
  page: 0x0d1117,
  colors: [
    0x7a838e, 0xff7b72, 0x57c773, 0xe0b040, 0x6cb1ff, 0xd2a8ff, 0x4fcbd6, 0xc9d1d9, //
    0x8b949e, 0xffa198, 0x7ee787, 0xf2cc60, 0xa0cfff, 0xe2c5ff, 0x8be4ec, 0xffffff,
  ],
  backgrounds: { 0: 0x2b323b, 8: 0x4a535e },
};

const LIGHT: Scheme = {
  text: 0x1f2429,
  page: 0xffffff,
  colors: [
    0x24292f, 0xc4222b, 0x12722f, 0x8a5a00, 0x0b5fcc, 0x8430c4, 0x0a6f80, 0x59636e, //
    0x656d76, 0xd1242f, 0x1a7f37, 0x9a6700, 0x1d6fe0, 0x9a3fd1, 0x0e7c8c, 0x444c56,
  ],
  backgrounds: { 7: 0xd5dbe1, 15: 0xf0f3f6 },
};

const MIN_CONTRAST = 4.5;

export class Palette {
  private readonly scheme: Scheme;
  private readonly paints = new Map<string, Paint>();

  constructor(dark: boolean) {
    this.scheme = dark ? DARK : LIGHT;
  }

  paint(style: Style): Paint {
    const key = `${style.fg},${style.bg},${style.flags & (DIM | INVERSE)}`;
    let paint = this.paints.get(key);
    if (!paint) {
      paint = this.mix(style);
      this.paints.set(key, paint);
    }
    return paint;
  }

  private mix(style: Style): Paint {
    const inverse = (style.flags & INVERSE) !== 0;
    const dim = (style.flags & DIM) !== 0;
    const [front, back] = inverse ? [style.bg, style.fg] : [style.fg, style.bg];
    const background = this.resolve(back, true, inverse ? this.scheme.text : this.scheme.page);
    const wanted = this.resolve(front, false, inverse ? this.scheme.page : this.scheme.text);
    const muted = dim ? blend(wanted, background, 0.4) : wanted;
    const color = readable(muted, background, MIN_CONTRAST);
    return {
      color: color === this.scheme.text ? undefined : css(color),
      background: background === this.scheme.page ? undefined : css(background),
    };
  }

  private resolve(color: Color, background: boolean, otherwise: number): number {
    if (color === DEFAULT) return otherwise;
    if (color >= RGB) return color - RGB;
    if (color < 16) return (background && this.scheme.backgrounds[color]) || this.scheme.colors[color]!;
    return indexed(color);
  }
}

/** Entries 16–255: a 6 × 6 × 6 cube and 24 greys, as xterm defines them. */
function indexed(n: number): number {
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10;
    return join(grey, grey, grey);
  }
  const level = (i: number) => (i === 0 ? 0 : 55 + i * 40);
  const i = n - 16;
  return join(level(Math.floor(i / 36)), level(Math.floor(i / 6) % 6), level(i % 6));
}

/** The colour, moved towards black or white until its contrast is at least `min`. */
export function readable(color: number, background: number, min: number): number {
  const goal = contrast(0xffffff, background) >= contrast(0, background) ? 0xffffff : 0;
  for (let step = 0; step <= 10; step++) {
    const moved = blend(color, goal, step / 10);
    if (contrast(moved, background) >= min) return moved;
  }
  return goal;
}

/** The contrast ratio of WCAG 2, from 1 to 21. */
export function contrast(a: number, b: number): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

function luminance(color: number): number {
  const [r, g, b] = split(color).map((c) => {
    const v = c / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function blend(a: number, b: number, share: number): number {
  const [x, y] = [split(a), split(b)];
  const mixed = x.map((v, i) => Math.round(v + (y[i]! - v) * share));
  return join(mixed[0]!, mixed[1]!, mixed[2]!);
}

function split(color: number): [number, number, number] {
  return [(color >> 16) & 255, (color >> 8) & 255, color & 255];
}

function join(r: number, g: number, b: number): number {
  return (r << 16) | (g << 8) | b;
}

function css(color: number): string {
  return '#' + color.toString(16).padStart(6, '0');
}
