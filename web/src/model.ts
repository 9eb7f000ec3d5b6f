// What the backend sends: builds, output batches and the end of a build.
// Everything arrives from outside and is checked here; the parsers return
// undefined for what does not have the documented shape.

export type Status = 'running' | 'passed' | 'failed' | 'canceled';

export interface Build {
  readonly id: number;
  readonly channel: string;
  readonly command: string;
  readonly status: Status;
  /** Milliseconds since the epoch. */
  readonly started: number;
  readonly finished: number | null;
  readonly exitCode: number | null;
  /** The newest line of output, plain text. */
  readonly line: string;
}

/** One piece of output: text, bytes that are not UTF-8, or bytes that were lost. */
export interface Batch {
  /** Counts from 1 without holes. */
  readonly seq: number;
  /** Bytes of output before this batch. */
  readonly offset: number;
  readonly text?: string;
  readonly base64?: string;
  readonly lost?: number;
}

export interface Finished {
  /** null when a signal ended the build. */
  readonly exitCode: number | null;
  readonly signal: string;
  readonly time: number;
  /** The last batch's seq; 0 when there was no output. */
  readonly seq: number;
  readonly bytes: number;
  readonly lost: number;
}

export interface Output {
  readonly build: Build | undefined;
  readonly batches: Batch[];
  readonly finished: Finished | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const STATUSES: readonly string[] = ['running', 'passed', 'failed', 'canceled'];

export function parseBuild(value: unknown): Build | undefined {
  const f = fields(value);
  if (!f || !isCount(f['id']) || !isText(f['status']) || !STATUSES.includes(f['status'])) return undefined;
  const id = f['id'];
  return {
    id,
    channel: isText(f['channel']) ? f['channel'] : channelOf(id),
    command: text(f['command']),
    status: f['status'] as Status,
    started: isNumber(f['started']) ? f['started'] : 0,
    finished: isNumber(f['finished']) ? f['finished'] : null,
    exitCode: isNumber(f['exit_code']) ? f['exit_code'] : null,
    line: text(f['line']),
  };
}

export function parseBuilds(value: unknown): Build[] | undefined {
  const list = fields(value)?.['builds'];
  return Array.isArray(list) ? list.map(parseBuild).filter((b) => b !== undefined) : undefined;
}

export function parseBatch(value: unknown): Batch | undefined {
  const f = fields(value);
  if (!f || !isCount(f['seq']) || f['seq'] < 1) return undefined;
  const place = { seq: f['seq'], offset: isCount(f['offset']) ? f['offset'] : 0 };
  if (isText(f['text'])) return { ...place, text: f['text'] };
  if (isText(f['base64'])) return { ...place, base64: f['base64'] };
  if (isCount(f['lost'])) return { ...place, lost: f['lost'] };
  return undefined;
}

export function parseFinished(value: unknown): Finished | undefined {
  const f = fields(value);
  if (!f || !isCount(f['seq'])) return undefined;
  return {
    exitCode: isNumber(f['exit_code']) ? f['exit_code'] : null,
    signal: text(f['signal']),
    time: isNumber(f['time']) ? f['time'] : 0,
    seq: f['seq'],
    bytes: isCount(f['bytes']) ? f['bytes'] : 0,
    lost: isCount(f['lost']) ? f['lost'] : 0,
  };
}

export function parseOutput(value: unknown): Output | undefined {
  const f = fields(value);
  if (!f || !Array.isArray(f['output'])) return undefined;
  return {
    build: parseBuild(f['build']),
    batches: f['output'].map(parseBatch).filter((b) => b !== undefined),
    finished: parseFinished(f['finished']),
  };
}

/** The channel of a build's output. */
export function channelOf(id: number): string {
  return `private-build-${id}`;
}

/** The status that an end of a build means, until the backend says it itself. */
export function statusOf(finished: Finished): Status {
  if (finished.signal !== '') return 'canceled';
  return finished.exitCode === 0 ? 'passed' : 'failed';
}

function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function text(value: unknown): string {
  return isText(value) ? value : '';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
