// Which records are wanted: as the page's address says it, and as the server is asked.

export type Range = '1h' | '24h' | '7d' | 'all' | 'custom';

export interface Filter {
  readonly range: Range;
  /** Times in UTC, for a custom range only; '' is open. */
  readonly since: string;
  readonly until: string;
  /** A whole action, or the beginning of some: relay.subscription.* */
  readonly action: string;
  /** Ids. */
  readonly actor: string;
  readonly target: string;
}

export const EVERYDAY: Filter = { range: '24h', since: '', until: '', action: '', actor: '', target: '' };

const HOUR = 3_600_000;
const LENGTHS: ReadonlyMap<string, number> = new Map([
  ['1h', HOUR],
  ['24h', 24 * HOUR],
  ['7d', 7 * 24 * HOUR],
]);
const TEXTS = ['action', 'actor', 'target'] as const;
const LIMIT = '100';

/** What the query of an address says; what it does not know means nothing. */
export function fromQuery(query: string): Filter {
  const asked = new URLSearchParams(query);
  const [since, until] = [utc(asked.get('since')), utc(asked.get('until'))];
  const [action, actor, target] = TEXTS.map((name) => asked.get(name)?.trim() ?? '') as [string, string, string];
  return { range: since + until === '' ? known(asked.get('range')) : 'custom', since, until, action, actor, target };
}

/** The shortest query that says it, '' for what is shown every day. */
export function toQuery(filter: Filter): string {
  const query = texts(filter);
  if (filter.range === 'custom') addTimes(query, filter.since, filter.until);
  else if (filter.range !== EVERYDAY.range) query.set('range', filter.range);
  return query.toString();
}

/** The query for the server, whose times are absolute. */
export function toRequest(filter: Filter, now: number): URLSearchParams {
  const query = texts(filter);
  const length = LENGTHS.get(filter.range);
  if (length !== undefined) addTimes(query, new Date(now - length).toISOString(), '');
  if (filter.range === 'custom') addTimes(query, filter.since, filter.until);
  return query;
}

/** The query for one page of records; '' is the newest. */
export function toPageRequest(filter: Filter, now: number, before: string): URLSearchParams {
  const query = toRequest(filter, now);
  query.set('limit', LIMIT);
  if (before !== '') query.set('before', before);
  return query;
}

/** A time as UTC, '' for what is none. */
export function utc(time: string | null): string {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
}

/** A time of a filter as an input of the reader's own zone takes it. */
export function local(time: string): string {
  if (time === '') return '';
  const ms = Date.parse(time);
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function known(range: string | null): Range {
  return range === 'all' || (range !== null && LENGTHS.has(range)) ? (range as Range) : EVERYDAY.range;
}

function texts(filter: Filter): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of TEXTS) {
    if (filter[name] !== '') query.set(name, filter[name]);
  }
  return query;
}

function addTimes(query: URLSearchParams, since: string, until: string): void {
  if (since !== '') query.set('since', since);
  if (until !== '') query.set('until', until);
}
