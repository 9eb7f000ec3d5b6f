// The raw output as it came, for the download.

import { base64Decode } from './decode';
import type { Batch } from './model';

export class Recording {
  private parts: BlobPart[] = [];

  add(batch: Batch): void {
    this.parts.push(batch.base64 === undefined ? (batch.text ?? '') : (base64Decode(batch.base64) ?? ''));
  }

  /** Tells in the file that something is missing there. */
  gap(words: string): void {
    this.parts.push(`\n[${words}]\n`);
  }

  clear(): void {
    this.parts = [];
  }

  file(): Blob {
    return new Blob(this.parts, { type: 'text/plain' });
  }
}
