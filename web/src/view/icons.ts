// The page's drawings. A status differs by shape, not by colour alone.

import type { Status } from '../model';
import { drawing } from './dom';

const STATUS: Readonly<Record<Status, readonly string[]>> = {
  running: ['M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5', 'M8 1.75a6.25 6.25 0 0 1 6.25 6.25'],
  passed: ['M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5', 'M5.2 8.3l2 2l3.7-4.3'],
  failed: ['M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5', 'M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4'],
  canceled: ['M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5', 'M3.7 12.3l8.6-8.6'],
};

export const STATUS_TEXT: Readonly<Record<Status, string>> = {
  running: 'Running',
  passed: 'Passed',
  failed: 'Failed',
  canceled: 'Canceled',
};

export function statusIcon(status: Status): SVGSVGElement {
  return drawing(`icon status-icon is-${status}`, ...STATUS[status]);
}

const ICONS = {
  back: ['M9.75 3.5L5.25 8l4.5 4.5'],
  top: ['M3.5 3.25h9', 'M4 11.25l4-4.5l4 4.5'],
  bottom: ['M3.5 12.75h9', 'M4 4.75l4 4.5l4-4.5'],
  follow: ['M8 2.5v9.25M3.75 7.75L8 12l4.25-4.25'],
  wrap: ['M2.5 3.75h11M2.5 8h8.75a2.1 2.1 0 0 1 0 4.25H8.5M10.25 10.5l-1.75 1.75l1.75 1.75', 'M2.5 12.25h3'],
  copy: ['M5.75 5.75h7.5v7.5h-7.5z', 'M10.25 5.5V2.75h-7.5v7.5H5.5'],
  download: ['M8 2.25v7.5M5 6.75L8 9.75l3-3', 'M2.75 10.5v2.75h10.5V10.5'],
  shuffle: ['M2 4.5h2.2c3.6 0 3.9 7 7.6 7H14', 'M2 11.5h2.2c1.3 0 2.2-.9 2.9-2.1M8.9 6.6c.7-1.2 1.6-2.1 2.9-2.1H14', 'M12 2.5l2 2l-2 2M12 9.5l2 2l-2 2'],
  done: ['M3.5 8.5l3 3l6-7'],
  light: ['M8 5.25a2.75 2.75 0 1 0 0 5.5a2.75 2.75 0 1 0 0-5.5', 'M8 1.5v1.25M8 13.25v1.25M1.5 8h1.25M13.25 8h1.25M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9'],
  dark: ['M13.25 9.75A5.75 5.75 0 0 1 6.25 2.75a5.75 5.75 0 1 0 7 7z'],
  auto: ['M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5', 'M8 2.25v11.5M8 4.5l4.1.5M8 7l5.6.4M8 9.5l5.4-.2M8 12l3.8-.7'],
  warning: ['M8 2.25L14.25 13.25H1.75z', 'M8 6.5v3.25M8 11.4v.1'],
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGSVGElement {
  return drawing('icon', ...ICONS[name]);
}

export function brandMark(): SVGSVGElement {
  return drawing('brand-mark', 'M2 3.5h6.5', 'M4.5 8h9.5', 'M2 12.5h4.5', 'M11 12.5h.1');
}
