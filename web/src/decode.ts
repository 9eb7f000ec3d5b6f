// Turns pieces of output into text. Bytes that are not UTF-8 come in base64 and
// go through one streaming decoder, so that a character cut between two such
// batches stays whole.

import type { Piece } from './merge';

export type Decoded = { readonly text: string } | { readonly gap: number };

export class OutputDecoder {
  private utf8 = new TextDecoder();
  private open = false;

  decode(piece: Piece): Decoded[] {
    if ('gap' in piece) return [...this.end(), { gap: piece.gap }];
    if (piece.lost !== undefined) return [...this.end(), { gap: piece.lost > 0 ? piece.lost : -1 }];
    if (piece.base64 === undefined) return [...this.end(), { text: piece.text ?? '' }];
    const bytes = base64Decode(piece.base64);
    if (!bytes) return [...this.end(), { gap: -1 }];
    this.open = true;
    return [{ text: this.utf8.decode(bytes, { stream: true }) }];
  }

  /** What is left of an unfinished character: the replacement character, or nothing. */
  end(): Decoded[] {
    if (!this.open) return [];
    this.open = false;
    const rest = this.utf8.decode();
    this.utf8 = new TextDecoder();
    return rest === '' ? [] : [{ text: rest }];
  }
}

/** The bytes, or undefined if the text is not base64. */
export function base64Decode(s: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}
