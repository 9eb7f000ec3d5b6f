import { describe, expect, test } from 'vitest';
import { Terminal } from '../terminal/terminal';
import { columns } from '../terminal/width';
import { BLOCK, CLIP, GAP_HEIGHT, Heights, LINE_HEIGHT, MORE_HEIGHT } from './heights';

function heightsOf(input: string, width: number): Heights {
  const terminal = new Terminal();
  terminal.write(input);
  const heights = new Heights(terminal.lines);
  heights.setColumns(width);
  return heights;
}

describe('a line', () => {
  const table: [string, string, number, number][] = [
    ['that is empty', '\n', 10, 1],
    ['that just fits', 'x'.repeat(10), 10, 1],
    ['that is one too long', 'x'.repeat(11), 10, 2],
    ['with tabs', 'a\tb', 8, 2],
    ['with wide characters', '日本語日本', 8, 2],
    ['with combining marks', 'e\u0301'.repeat(10), 10, 1],
    ['with what is shown by its name', '\u202e'.repeat(10), 30, 2],
    ['that does not wrap', 'x'.repeat(1000), Infinity, 1],
  ];
  test.each(table)('%s', (_, input, width, rows) => {
    expect(heightsOf(input, width).line(0)).toBe(rows * LINE_HEIGHT);
  });

  test('that is very long shows a part and a button, until expanded', () => {
    const heights = heightsOf('x'.repeat(CLIP * 2), 100);
    expect(heights.line(0)).toBe((CLIP / 100) * LINE_HEIGHT + MORE_HEIGHT);
    heights.expand(0);
    expect(heights.line(0)).toBe(((CLIP * 2) / 100) * LINE_HEIGHT);
  });

  test('after a gap has the mark above it', () => {
    const terminal = new Terminal();
    terminal.gap({ by: 'log', amount: 1, lines: null, reason: 'trimmed' });
    expect(new Heights(terminal.lines).line(0)).toBe(LINE_HEIGHT + GAP_HEIGHT);
  });
});

describe('blocks', () => {
  const heights = heightsOf('x\n'.repeat(1000), 10);

  test('cover all lines, the last one partly', () => {
    expect(heights.blocks).toBe(Math.ceil(1000 / BLOCK));
    const total = Array.from({ length: heights.blocks }, (_, b) => heights.block(b)).reduce((a, b) => a + b);
    expect(total).toBe(1000 * LINE_HEIGHT);
  });

  test('know the line at a height and the height of a line', () => {
    expect(heights.lineAt(2, 5 * LINE_HEIGHT + 3)).toBe(2 * BLOCK + 5);
    expect(heights.within(2 * BLOCK + 5)).toBe(5 * LINE_HEIGHT);
    expect(heights.lineAt(heights.blocks - 1, 99_999)).toBe(999);
  });

  test('are measured anew for another width', () => {
    const wide = heightsOf(('x'.repeat(20) + '\n').repeat(1000), 20);
    expect(wide.block(0)).toBe(BLOCK * LINE_HEIGHT);
    wide.setColumns(10);
    expect(wide.block(0)).toBe(2 * BLOCK * LINE_HEIGHT);
  });
});

test('columns', () => {
  expect(columns('abc')).toBe(3);
  expect(columns('a\tb')).toBe(9);
  expect(columns('\t')).toBe(8);
  expect(columns('日本')).toBe(4);
  expect(columns('✔ ok ü')).toBe(6);
  expect(columns('🚀')).toBe(2);
});
