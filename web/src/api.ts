// The backend's HTTP side: configuration and the list of builds.

import { parseConfig } from './config';
import type { Config } from './config';
import { parseBuilds } from './model';
import type { Build } from './model';

export interface FetchedBuilds {
  readonly builds: Build[];
  /** The server's clock when it answered, in milliseconds since the epoch, to the second. */
  readonly serverTime: number | undefined;
}

export async function fetchConfig(): Promise<Config> {
  return parseConfig((await getJson('config.json')).value);
}

export async function fetchBuilds(): Promise<FetchedBuilds> {
  const { value, date } = await getJson('builds');
  const builds = parseBuilds(value);
  if (!builds) throw new Error('the list of builds is malformed');
  return { builds, serverTime: Date.parse(date) || undefined };
}

async function getJson(path: string): Promise<{ value: unknown; date: string }> {
  const response = await fetch(path, { cache: 'no-store' });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return { value: await response.json(), date: response.headers.get('Date') ?? '' };
}
