// Numbers and times as people read them.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NUMBER = new Intl.NumberFormat('en-US');

/** "3.4 s", "42 s", "3 m 07 s", "1 h 05 m"; tenths only for what has ended. */
export function duration(ms: number, ended: boolean): string {
  const t = Math.max(0, ms);
  if (ended && t < 10 * SECOND) return `${(t / SECOND).toFixed(1)} s`;
  const seconds = Math.floor(t / SECOND);
  if (t < MINUTE) return `${seconds} s`;
  if (t < HOUR) return `${Math.floor(t / MINUTE)} m ${two(seconds % 60)} s`;
  return `${Math.floor(t / HOUR)} h ${two(Math.floor(t / MINUTE) % 60)} m`;
}

/** "just now", "4 min ago", "3 h ago", "2 days ago". */
export function ago(ms: number): string {
  if (ms < 45 * SECOND) return 'just now';
  if (ms < HOUR) return `${Math.max(1, Math.round(ms / MINUTE))} min ago`;
  if (ms < DAY) return `${Math.round(ms / HOUR)} h ago`;
  const days = Math.round(ms / DAY);
  return days === 1 ? 'yesterday' : `${days} days ago`;
}

/** "12,345". */
export function number(n: number): string {
  return NUMBER.format(n);
}

/** "1 line", "12,345 lines". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${number(n)} ${n === 1 ? one : many}`;
}

/** "512 bytes", "4.1 kB", "12 MB". */
export function bytes(n: number): string {
  if (n < 1000) return count(n, 'byte');
  const [value, unit] = n < 1e6 ? [n / 1e3, 'kB'] : [n / 1e6, 'MB'];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** A point in time in the reader's own zone. */
export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}

export function dateTime(ms: number): string {
  return new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
