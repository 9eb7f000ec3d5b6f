// The backend's HTTP side: configuration, the list of builds, a build's output.

import { parseConfig } from './config';
import type { Config } from './config';
import { parseBuilds, parseOutput } from './model';
import type { Build, Output } from './model';

/** The backend answered with this status. */
export class HttpError extends Error {
  constructor(readonly status: number) {
    super(`the server answered ${status}`);
  }
}

export interface FetchedBuilds {
  readonly builds: Build[];
  /** The server's clock when it answered, in milliseconds since the epoch, to the second. */
  readonly serverTime: number | undefined;
}

export async function fetchConfig(): Promise<Config> {
  return parseConfig((await getJson('config.json')).value);
}

export async function fetchBuilds(signal: AbortSignal): Promise<FetchedBuilds> {
  const { value, date } = await getJson('builds', signal);
  const builds = parseBuilds(value);
  if (!builds) throw new Error('the list of builds is malformed');
  return { builds, serverTime: Date.parse(date) || undefined };
}

export async function fetchOutput(id: number, signal?: AbortSignal): Promise<Output> {
  const output = parseOutput((await getJson(`builds/${id}/output`, signal)).value);
  if (!output) throw new Error('the output is malformed');
  return output;
}

async function getJson(path: string, signal?: AbortSignal): Promise<{ value: unknown; date: string }> {
  const response = await fetch(path, { signal: signal ?? null, cache: 'no-store' });
  if (!response.ok) throw new HttpError(response.status);
  return { value: await response.json(), date: response.headers.get('Date') ?? '' };
}
