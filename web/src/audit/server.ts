// The paths beside this page: records, and all of them to download.

import { toPageRequest, toRequest } from './filter';
import type { Filter } from './filter';
import { parseAnswer } from './record';
import type { Answer } from './record';
import { visible } from './visible';

const PATIENCE = 30_000;
/** How much of what a server says about a failure is shown. */
const MOST = 300;

/** A page of records; the error is a sentence for the reader. */
export async function fetchPage(filter: Filter, before: string): Promise<Answer> {
  const response = await ask(address(`records?${toPageRequest(filter, Date.now(), before)}`));
  if (!response.ok) throw new Error(await refusal(response));
  const answer = parseAnswer(await response.json().catch(() => undefined));
  if (!answer) throw new Error('The server answered with something else than records.');
  return answer;
}

export function exportAddress(filter: Filter, format: 'csv' | 'ndjson'): string {
  return address(`export.${format}?${toRequest(filter, Date.now())}`);
}

/** Without the name and password that the page's own address may have: fetch takes none there. */
function address(path: string): string {
  return new URL(path, location.origin + location.pathname).href;
}

async function ask(url: string): Promise<Response> {
  try {
    return await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    throw new Error('The server cannot be reached.');
  }
}

async function refusal(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  return `The server answered ${response.status}: ${visible(text.trim(), MOST) || 'no reason given'}`;
}
