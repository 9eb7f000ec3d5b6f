// A record in one sentence, such as "user alice subscribed to private-build-1".

import { number } from '../view/format';
import { isRefusal, SENTENCES } from './actions';
import type { AuditRecord, Entity } from './record';
import { visible } from './visible';

/** A piece of a sentence; `value` is text of others, which must not run into the words around it. */
export interface Part {
  readonly text: string;
  readonly value: boolean;
}

export type Outcome = 'done' | 'refused' | 'failed';

/** More of a list is told by how many there are. */
const FEW = 5;

export function outcome(record: AuditRecord): Outcome {
  if (isRefusal(record.action)) return 'refused';
  return record.success ? 'done' : 'failed';
}

export function describe(record: AuditRecord): Part[] {
  const sentence = SENTENCES.get(record.action);
  if (sentence === undefined) return [...who(record.actor), words(': '), value(record.action), ...behind(record.target)];
  const tense = outcome(record) === 'failed' ? 'tried to $2' : '$1';
  const pieces = sentence.replace(/\[(.*?)\|(.*?)\]/g, tense).split(/\{(\w+)\}/);
  return [...pieces.flatMap((piece, i) => (i % 2 === 0 ? [words(piece)] : fill(record, piece))), ...circumstances(record, sentence)].filter(
    ({ text }) => text !== '',
  );
}

/** The sentence as text alone. */
export function told(record: AuditRecord): string {
  return describe(record)
    .map(({ text }) => text)
    .join('');
}

/** An entity in a few words: "user alice", "app demo". */
export function who(entity: Entity): Part[] {
  const id = entity.id || entity.name;
  if (id === '') return [words('somebody')];
  const type = entity.type === '' || entity.type === 'channel' ? [] : [words(`${visible(entity.type, 40)} `)];
  if (entity.name === '' || entity.name === id) return [...type, value(id)];
  return [...type, value(entity.name), words(' ('), value(id), words(')')];
}

function fill(record: AuditRecord, name: string): Part[] {
  if (name === 'actor') return who(record.actor);
  if (name === 'target') return record.target.id + record.target.name === '' ? [words('something')] : who(record.target);
  return [member(record.payload[name])];
}

/** Why, and how often, unless the sentence says so. */
function circumstances({ payload }: AuditRecord, sentence: string): Part[] {
  const { reason, count } = payload;
  const why = typeof reason === 'string' && reason !== '' ? [words(': '), value(reason)] : [];
  const often = typeof count === 'number' && count > 1 && !sentence.includes('{count}') ? [words(` (${number(count)} times)`)] : [];
  return [...why, ...often];
}

function behind(target: Entity): Part[] {
  return target.id + target.name === '' ? [] : [words(', '), ...who(target)];
}

/** A member of a payload; schemas of others may have any. */
function member(held: unknown): Part {
  if (typeof held === 'number') return words(number(held));
  if (typeof held === 'string' && held !== '') return value(held);
  if (!Array.isArray(held)) return words('?');
  if (held.length === 0) return words('nothing');
  const few = held.slice(0, FEW).map((item) => visible(String(item), 40));
  return value(few.join(', ') + (held.length > FEW ? ` and ${held.length - FEW} more` : ''));
}

function words(text: string): Part {
  return { text, value: false };
}

function value(text: string): Part {
  return { text: visible(text), value: true };
}
