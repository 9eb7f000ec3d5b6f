// What GET records answers, and how pages of it become one list.

import { fields } from '../fields';
import type { Fields } from '../fields';

export interface Entity {
  readonly id: string;
  readonly type: string;
  readonly name: string;
}

export interface AuditRecord {
  /** Where it stands, and nothing else does: its chain and number. */
  readonly place: string;
  readonly action: string;
  readonly actor: Entity;
  readonly target: Entity;
  readonly scope: Entity;
  readonly payload: Fields;
  readonly occurredAt: string;
  readonly address: string;
  readonly success: boolean;
  /** As it came, with all members. */
  readonly whole: unknown;
}

export interface Page {
  /** Newest first. */
  readonly records: readonly AuditRecord[];
  /** What is asked for to go on; '' at the end. */
  readonly before: string;
}

export interface Answer extends Page {
  readonly state: { readonly text: string; readonly ok: boolean };
  readonly strict: boolean;
  /** What others on the network may read along. */
  readonly insecure: readonly string[];
}

/** More is not kept on the page: it begins anew with the newest. */
const MOST = 5000;

export function parseAnswer(value: unknown): Answer | undefined {
  const answer = fields(value);
  const records = answer?.['records'];
  const state = fields(answer?.['state']);
  if (!answer || !state || !Array.isArray(records)) return undefined;
  return {
    records: records.map(parseRecord),
    before: text(answer['before']),
    state: { text: text(state['text']), ok: state['ok'] === true },
    strict: answer['strict'] === true,
    insecure: Array.isArray(answer['insecure']) ? answer['insecure'].map(text) : [],
  };
}

/** The older page behind those that are shown. */
export function append(shown: Page, older: Page): Page {
  const known = new Set(shown.records.map((record) => record.place));
  return { records: [...shown.records, ...older.records.filter((record) => !known.has(record.place))], before: older.before };
}

/** The newest page in front of those that are shown; alone if there may be others between. */
export function refresh(shown: Page, newest: Page): Page {
  const fetched = new Set(newest.records.map((record) => record.place));
  const rest = shown.records.filter((record) => !fetched.has(record.place));
  const overlap = rest.length < shown.records.length;
  if (!overlap || rest.length + newest.records.length > MOST) return newest;
  return { records: [...newest.records, ...rest], before: shown.before };
}

/** Never fails: a record that is not as it should be is shown all the same. */
function parseRecord(value: unknown): AuditRecord {
  const stored = fields(value) ?? {};
  const record = fields(stored['record']) ?? {};
  const place = `${text(stored['chain'])} #${text(stored['seq'])}`;
  return {
    place,
    action: text(record['action']),
    actor: entity(record['actor']),
    target: entity(record['target']),
    scope: entity(record['scope']),
    payload: fields(record['payload']) ?? {},
    occurredAt: text(record['occurred_at']),
    address: text(fields(record['metadata'])?.['ip']),
    success: record['success'] !== false,
    whole: stored['record'],
  };
}

function entity(value: unknown): Entity {
  const e = fields(value) ?? {};
  return { id: text(e['id']), type: text(e['type']), name: text(e['name']) };
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
