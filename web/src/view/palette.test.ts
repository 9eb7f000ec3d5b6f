import { describe, expect, test } from 'vitest';
import { DEFAULT, DIM, INVERSE, PLAIN, RGB } from '../terminal/style';
import { contrast, Palette } from './palette';

const PAGE = { light: 0xffffff, dark: 0x0d1117 };
const TEXT = { light: 0x1f2429, dark: 0xd3dae3 };

const number = (css: string | undefined, otherwise: number) => (css ? parseInt(css.slice(1), 16) : otherwise);

describe.each(['light', 'dark'] as const)('on a %s page', (mode) => {
  const palette = new Palette(mode === 'dark');
  const measure = (fg: number, bg: number, flags = 0) => {
    const paint = palette.paint({ ...PLAIN, fg, bg, flags });
    return contrast(number(paint.color, TEXT[mode]), number(paint.background, PAGE[mode]));
  };
  const colours = [DEFAULT, ...Array.from({ length: 256 }, (_, i) => i), RGB, RGB | 0xffffff, RGB | 0x808080];

  test('plain text has no colours of its own', () => {
    expect(palette.paint(PLAIN)).toEqual({ color: undefined, background: undefined });
  });

  test('every colour can be read on the page', () => {
    for (const fg of colours) expect(measure(fg, DEFAULT), `colour ${fg}`).toBeGreaterThanOrEqual(4.5);
  });

  test('every colour can be read on every background, itself included', () => {
    for (const fg of [DEFAULT, 0, 1, 7, 15, 244, RGB | 0x00ff00]) {
      for (const bg of colours) expect(measure(fg, bg), `${fg} on ${bg}`).toBeGreaterThanOrEqual(4.5);
    }
    for (const c of colours) expect(measure(c, c), `${c} on itself`).toBeGreaterThanOrEqual(4.5);
  });

  test('inverse swaps the colours and can be read', () => {
    const paint = palette.paint({ ...PLAIN, fg: 1, flags: INVERSE });
    expect(paint.background).toBe(palette.paint({ ...PLAIN, fg: 1 }).color);
    for (const fg of colours) expect(measure(fg, DEFAULT, INVERSE)).toBeGreaterThanOrEqual(4.5);
  });

  test('dim is weaker than plain and still legible', () => {
    expect(measure(DEFAULT, DEFAULT, DIM)).toBeLessThan(measure(DEFAULT, DEFAULT));
    for (const fg of colours) expect(measure(fg, DEFAULT, DIM)).toBeGreaterThanOrEqual(4.5);
  });
});
