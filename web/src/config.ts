// Where the relay is: GET config.json, which the backend serves with the page.

import { fields } from './fields';

export interface Config {
  readonly key: string;
  /** '' means the host the page came from. */
  readonly wsHost: string;
  readonly wsPort: number;
  readonly wssPort: number;
  readonly forceTLS: boolean;
  readonly authEndpoint: string;
}

export function parseConfig(value: unknown): Config {
  const f = fields(value) ?? {};
  if (typeof f['key'] !== 'string' || f['key'] === '') throw new Error('config.json names no app key');
  return {
    key: f['key'],
    wsHost: typeof f['wsHost'] === 'string' ? f['wsHost'] : '',
    wsPort: port(f['wsPort'], 80),
    wssPort: port(f['wssPort'], 443),
    forceTLS: f['forceTLS'] === true,
    authEndpoint: typeof f['authEndpoint'] === 'string' ? f['authEndpoint'] : '/pusher/auth',
  };
}

function port(value: unknown, otherwise: number): number {
  return Number.isInteger(value) && (value as number) > 0 ? (value as number) : otherwise;
}
