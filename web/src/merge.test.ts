import { describe, expect, test } from 'vitest';
import { OutputMerge } from './merge';
import type { Piece } from './merge';
import type { Batch } from './model';

const SIZE = 10;

function batch(seq: number): Batch {
  return { seq, offset: (seq - 1) * SIZE, text: String(seq).padStart(SIZE, '0') };
}

function batches(...seqs: number[]): Batch[] {
  return seqs.map(batch);
}

/** Numbers for batches, "gap N" for gaps. */
function show(pieces: Piece[]): (number | string)[] {
  return pieces.map((piece) => ('gap' in piece ? `gap ${piece.gap}` : piece.seq));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

function generator(seed: number): () => number {
  return () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
}

describe('live batches', () => {
  test('in order pass at once', () => {
    const merge = new OutputMerge();
    expect(range(1, 5).flatMap((seq) => show(merge.add(batch(seq))))).toEqual([1, 2, 3, 4, 5]);
    expect(merge.waiting).toBe(false);
  });

  test('out of order are held until the hole is filled', () => {
    const merge = new OutputMerge();
    expect(show(merge.add(batch(3)))).toEqual([]);
    expect(show(merge.add(batch(2)))).toEqual([]);
    expect(merge.waiting).toBe(true);
    expect(show(merge.add(batch(1)))).toEqual([1, 2, 3]);
    expect(merge.waiting).toBe(false);
  });

  test('that come twice are shown once', () => {
    const merge = new OutputMerge();
    const got = [1, 1, 3, 3, 2, 2, 1, 3].flatMap((seq) => show(merge.add(batch(seq))));
    expect(got).toEqual([1, 2, 3]);
  });

  test('are held in bounded number, and a fetch brings the rest', () => {
    const merge = new OutputMerge();
    for (const seq of range(2, 20_000)) merge.add(batch(seq));
    expect(merge.last).toBeLessThan(6000);
    expect(show(merge.fill(range(1, 20_000).map(batch)))).toEqual(range(1, 20_000));
  });
});

describe('a fetch', () => {
  test('fills the hole before what came live', () => {
    const merge = new OutputMerge();
    merge.add(batch(4));
    merge.add(batch(5));
    expect(show(merge.fill(batches(1, 2, 3, 4)))).toEqual([1, 2, 3, 4, 5]);
  });

  test('that is older than the live batches leaves them held', () => {
    const merge = new OutputMerge();
    merge.add(batch(5));
    expect(show(merge.fill(batches(1, 2)))).toEqual([1, 2]);
    expect(merge.waiting).toBe(true);
    expect(show(merge.fill(batches(1, 2, 3, 4)))).toEqual([3, 4, 5]);
  });

  test('repeated shows nothing twice', () => {
    const merge = new OutputMerge();
    merge.fill(batches(1, 2, 3));
    expect(show(merge.fill(batches(1, 2, 3)))).toEqual([]);
  });

  test('need not be in order', () => {
    expect(show(new OutputMerge().fill(batches(3, 1, 2)))).toEqual([1, 2, 3]);
  });

  test('of nothing is nothing', () => {
    const merge = new OutputMerge();
    expect(merge.fill([])).toEqual([]);
    expect(merge.next).toBe(1);
  });

  test('with holes tells them, with their size by the offsets', () => {
    expect(show(new OutputMerge().fill(batches(1, 4, 5)))).toEqual([1, `gap ${2 * SIZE}`, 4, 5]);
  });

  test('without the beginning tells that', () => {
    expect(show(new OutputMerge().fill(batches(3, 4)))).toEqual([`gap ${2 * SIZE}`, 3, 4]);
  });

  test('takes held batches into its own holes before calling them gaps', () => {
    const merge = new OutputMerge();
    merge.add(batch(3));
    expect(show(merge.fill(batches(1, 2, 4)))).toEqual([1, 2, 3, 4]);
  });

  test('measures bytes, not characters, before a gap', () => {
    const merge = new OutputMerge();
    const pieces = merge.fill([
      { seq: 1, offset: 0, text: 'üü' },
      { seq: 2, offset: 4, base64: '//8=' },
      { seq: 3, offset: 6, lost: 10 },
      { seq: 5, offset: 20, text: 'x' },
    ]);
    expect(show(pieces)).toEqual([1, 2, 3, 'gap 4', 5]);
  });
});

describe('giving up', () => {
  test('on a hole tells a gap and goes on', () => {
    const merge = new OutputMerge();
    merge.add(batch(1));
    merge.add(batch(3));
    expect(show(merge.giveUp(merge.last))).toEqual([`gap ${SIZE}`, 3]);
    expect(show(merge.add(batch(4)))).toEqual([4]);
  });

  test('on an end that never came', () => {
    const merge = new OutputMerge();
    merge.add(batch(1));
    expect(show(merge.giveUp(5))).toEqual(['gap -1']);
    expect(merge.next).toBe(6);
  });

  test('with nothing missing does nothing', () => {
    const merge = new OutputMerge();
    merge.add(batch(1));
    expect(merge.giveUp(1)).toEqual([]);
  });
});

test('any order of events, doubles and fetches shows every batch once, in order', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = generator(seed);
    const total = 1 + Math.floor(random() * 40);
    const events = shuffled([...range(1, total), ...range(1, total)], random).filter(() => random() > 0.3);
    const merge = new OutputMerge();
    const got: (number | string)[] = [];
    for (const seq of events) {
      got.push(...show(merge.add(batch(seq))));
      if (random() < 0.1) got.push(...show(merge.fill(range(1, Math.ceil(random() * total)).map(batch))));
    }
    got.push(...show(merge.fill(range(1, total).map(batch))));
    expect(got).toEqual(range(1, total));
    expect(merge.waiting).toBe(false);
  }
});
