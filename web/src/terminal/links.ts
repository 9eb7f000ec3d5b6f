// Which addresses in a log may become links: http and https, nothing else.

const MAX_URL = 2048;
const PLAIN_URL = /\bhttps?:\/\/[^\s<>"'`{}|\\^\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]+/giu;

export interface LinkRange {
  readonly from: number;
  readonly to: number;
  readonly href: string;
}

/**
 * The address in its normal form, or '' when it must not be a link: another
 * scheme, over 2048 characters, or user information before the host, which
 * serves to disguise the host (https://github.com@example.net).
 */
export function safeHref(address: string): string {
  if (address.length > MAX_URL || !/^https?:\/\//i.test(address)) return '';
  try {
    const url = new URL(address);
    const web = url.protocol === 'http:' || url.protocol === 'https:';
    return web && url.username === '' && url.password === '' && url.hostname !== '' ? url.href : '';
  } catch {
    return '';
  }
}

/** The target of an OSC body "8;params;address": '' ends a link, undefined: not OSC 8. */
export function osc8Target(body: string): string | undefined {
  const found = /^8;[^;]*;/.exec(body);
  return found ? safeHref(body.slice(found[0].length)) : undefined;
}

/** Plain addresses within a text, in order. */
export function findLinks(text: string): LinkRange[] {
  if (!text.includes('://')) return [];
  const links: LinkRange[] = [];
  for (const found of text.matchAll(PLAIN_URL)) {
    if (found[0].length > MAX_URL) continue;
    const address = trimEnd(found[0]);
    const href = safeHref(address);
    if (href) links.push({ from: found.index, to: found.index + address.length, href });
  }
  return links;
}

/** Leaves out what belongs to the sentence around an address. */
function trimEnd(address: string): string {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1]!;
    const open = last === ')' ? '(' : last === ']' ? '[' : '';
    const closes = open !== '' && !address.slice(0, end).includes(open);
    if (!closes && !'.,;:!?*…'.includes(last)) break;
    end--;
  }
  return address.slice(0, end);
}
