// What every view has at hand.

import type { Builds } from '../builds';
import type { Identity } from '../identity';
import type { Relay } from '../transport';
import type { Shell } from './shell';
import type { ThemeChoice } from './theme';

export interface App {
  readonly relay: Relay;
  readonly builds: Builds;
  readonly identity: Identity;
  readonly theme: ThemeChoice;
  readonly shell: Shell;
  /** The server's time in milliseconds since the epoch, as well as it is known. */
  now(): number;
}

/** A view in the outlet. */
export interface View {
  readonly element: HTMLElement;
  /** Called once the element is in the document. */
  mounted(): void;
  close(): void;
}
