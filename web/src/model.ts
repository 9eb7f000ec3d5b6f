// What the backend sends: builds, and a build's start, output and end.
// Everything arrives from outside and is checked here; the parsers return
// undefined for what does not have the documented shape.

import { fields } from './fields';

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

export interface Started {
  /** The command as one would type it, '' where standard input is read. */
  readonly command: string;
  readonly time: number;
}

/** One piece of output: text, bytes that are not UTF-8, or bytes that were lost. */
export interface Batch {
  /** The number of the line in which it begins, from 1; undefined if nobody counted. */
  readonly line: number | undefined;
  readonly text?: string;
  readonly base64?: string;
  readonly lost?: number;
}

export interface Finished {
  /** null when a signal ended the build. */
  readonly exitCode: number | null;
  readonly signal: string;
  readonly time: number;
  /** Bytes of its output that were not published. */
  readonly lost: number;
}

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

export function parseStarted(value: unknown): Started | undefined {
  const f = fields(value);
  if (!f || !isNumber(f['time'])) return undefined;
  const command = Array.isArray(f['command']) ? f['command'].map(text).join(' ') : '';
  return { command, time: f['time'] };
}

export function parseBatch(value: unknown): Batch | undefined {
  const f = fields(value);
  if (!f) return undefined;
  const line = isCount(f['line']) && f['line'] > 0 ? f['line'] : undefined;
  if (isText(f['text'])) return { line, text: f['text'] };
  if (isText(f['base64'])) return { line, base64: f['base64'] };
  if (isCount(f['lost'])) return { line, lost: f['lost'] };
  return undefined;
}

export function parseFinished(value: unknown): Finished | undefined {
  const f = fields(value);
  if (!f || !isNumber(f['time'])) return undefined;
  return {
    exitCode: isNumber(f['exit_code']) ? f['exit_code'] : null,
    signal: text(f['signal']),
    time: f['time'],
    lost: isCount(f['lost']) ? f['lost'] : 0,
  };
}

/** The channel of a build's output. */
export function channelOf(id: number): string {
  return `private-build-${id}`;
}

/** A build as its own start tells of it. */
export function buildOf(id: number, { command, time }: Started): Build {
  const channel = channelOf(id);
  return { id, channel, command, status: 'running', started: time, finished: null, exitCode: null, line: '' };
}

/** The status that an end of a build means, until the backend says it itself. */
export function statusOf(finished: Finished): Status {
  if (finished.signal !== '') return 'canceled';
  return finished.exitCode === 0 ? 'passed' : 'failed';
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
