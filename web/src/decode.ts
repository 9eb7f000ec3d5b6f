// Turns batches of output into text. Bytes that are not UTF-8 come in base64 and
// go through one streaming decoder, so that a character cut between two such
// batches stays whole.

import type { Batch } from './model';

/** A part of the output that is missing, as it was told. */
export interface Gap {
  /** Who lost it: the relay's log, which lacks events, or the build's side, which could not publish bytes. */
  readonly by: 'log' | 'build';
  /** How many of these, null where nobody knows. */
  readonly amount: number | null;
  /** How many line ends are in it, null where nobody counted. */
  readonly lines: number | null;
  /** Why the log lacks them, as the relay says it; '' for the build's side. */
  readonly reason: string;
}

export type Decoded = { readonly text: string } | { readonly gap: Gap };

export class OutputDecoder {
  private utf8 = new TextDecoder();
  private open = false;

  decode(batch: Batch): Decoded[] {
    if (batch.base64 === undefined) return [...this.end(), { text: batch.text ?? '' }];
    const bytes = base64Decode(batch.base64);
    if (!bytes) return this.gap({ by: 'build', amount: null, lines: null, reason: '' });
    this.open = true;
    return [{ text: this.utf8.decode(bytes, { stream: true }) }];
  }

  gap(gap: Gap): Decoded[] {
    return [...this.end(), { gap }];
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
