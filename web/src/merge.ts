// Puts batches of output in order. Live events and fetched batches may overlap,
// come twice, out of order or not at all; what leaves here is every batch once,
// in order, with a gap wherever one is finally missing. Pure.

import type { Batch } from './model';

/** A batch in its place, or output that is missing: bytes, -1 when unknown. */
export type Piece = Batch | { readonly gap: number };

/** Batches held back at most; the rest comes with the next fetch. */
const MAX_HELD = 5000;

export class OutputMerge {
  /** The seq that is due. */
  next = 1;
  private previous: Batch | undefined;
  private readonly held = new Map<number, Batch>();

  /** Takes a live batch; returns what can be shown now. */
  add(batch: Batch): Piece[] {
    if (batch.seq < this.next || (batch.seq > this.next && this.held.size >= MAX_HELD)) return [];
    this.held.set(batch.seq, batch);
    return batch.seq === this.next ? this.drain(batch.seq) : [];
  }

  /**
   * Takes what the backend has kept. It is the authority up to its last batch:
   * what is missing before that will not come any more and becomes a gap.
   */
  fill(batches: readonly Batch[]): Piece[] {
    let last = 0;
    for (const batch of batches) {
      if (batch.seq >= this.next) this.held.set(batch.seq, batch);
      last = Math.max(last, batch.seq);
    }
    return this.drain(last);
  }

  /** Gives up on everything that is missing up to the batch `last`. */
  giveUp(last: number): Piece[] {
    const pieces = this.drain(last);
    if (this.next <= last) {
      pieces.push({ gap: -1 });
      this.next = last + 1;
      this.previous = undefined;
    }
    return pieces;
  }

  /** The highest seq seen; from `next` on it is held back because an earlier batch is missing. */
  get last(): number {
    let last = this.next - 1;
    for (const seq of this.held.keys()) last = Math.max(last, seq);
    return last;
  }

  /** Whether batches are held back. */
  get waiting(): boolean {
    return this.held.size > 0;
  }

  /** Delivers up to `last`, with gaps, and on for as long as there are none. */
  private drain(last: number): Piece[] {
    const pieces: Piece[] = [];
    for (const seq of [...this.held.keys()].sort((a, b) => a - b)) {
      if (seq > this.next) {
        if (this.next > last) break;
        pieces.push({ gap: this.missingBefore(seq) });
      }
      const batch = this.held.get(seq)!;
      this.held.delete(seq);
      this.previous = batch;
      this.next = seq + 1;
      pieces.push(batch);
    }
    return pieces;
  }

  /** Bytes between the last batch delivered and this one, by their offsets. */
  private missingBefore(seq: number): number {
    const from = this.next === 1 ? 0 : this.previous && offsetAfter(this.previous);
    if (from === undefined) return -1;
    const bytes = this.held.get(seq)!.offset - from;
    return bytes > 0 ? bytes : -1;
  }
}

/** The byte offset of the output behind a batch. */
function offsetAfter(batch: Batch): number {
  if (batch.lost !== undefined) return batch.offset + batch.lost;
  if (batch.base64 !== undefined) return batch.offset + base64Bytes(batch.base64);
  return batch.offset + new TextEncoder().encode(batch.text).length;
}

function base64Bytes(s: string): number {
  const padding = s.endsWith('==') ? 2 : s.endsWith('=') ? 1 : 0;
  return Math.floor((s.length * 3) / 4) - padding;
}
