// Positions in a log: "<epoch>:<offset>-<nonce>". Applications treat them as opaque.

export interface Position {
  /** Names one life of the log; '0' before there is one. */
  readonly epoch: string;
  /** Counts the log's entries from 1 without holes; 0 is before the first. */
  readonly offset: number;
  /** The beginning of the chain's digest up to here, as a number of 32 bits. */
  readonly nonce: number;
  /** As the relay wrote it. */
  readonly text: string;
}

const FORM = /^(0|[0-9a-f]{16}):(\d{1,15})-(\d{1,10})$/;

/** The position, or undefined if the value is none. */
export function parsePosition(value: unknown): Position | undefined {
  const found = typeof value === 'string' ? FORM.exec(value) : null;
  if (!found) return undefined;
  return { epoch: found[1]!, offset: Number(found[2]), nonce: Number(found[3]), text: found[0] };
}
