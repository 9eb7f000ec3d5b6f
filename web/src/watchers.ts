// Who watches a build, the reader included: the members of its presence channel.
//
// The relay keeps what it was told of a member first, until the last of his tabs has
// left. So a new name is told by leaving, in all tabs at once, and coming back.

import type { Identity } from './identity';
import { People, parseMember, parseMembers } from './people';
import type { Person } from './people';
import type { PresenceHandlers } from './transport';

export interface Watcher extends Person {
  readonly you: boolean;
}

export interface WatchersSink {
  /** Who watches, the reader included; undefined while nobody knows. */
  watchers(all: readonly Watcher[] | undefined): void;
  /** Somebody came or went, in words. */
  spoken(text: string): void;
}

type Open = (channel: string, handlers: PresenceHandlers) => () => void;

/** How long the reader stays away to tell a new name; longer if another tab did not leave. */
const AWAY = [400, 1000, 3000, 8000];
/** Coming back takes no longer, or something is wrong. */
const PATIENCE = 3000;

export class Watchers {
  private known = false;
  private leave: () => void = () => {};
  private stopListening: () => void = () => {};
  private back: ReturnType<typeof setTimeout> | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private attempts = 0;
  private readonly people = new People({
    changed: () => this.tell(),
    arrived: (name) => this.sink.spoken(`${name} is watching`),
    gone: (name) => this.sink.spoken(`${name} has left`),
  });

  constructor(
    private readonly build: number,
    private readonly identity: Identity,
    private readonly sink: WatchersSink,
  ) {}

  start(open: Open): void {
    this.enter(open);
    this.stopListening = this.identity.onChange(() => {
      this.attempts = 0;
      this.tell();
      this.comeAgain(open);
    });
  }

  close(): void {
    this.stopListening();
    this.forget();
    clearTimeout(this.back);
    this.leave();
  }

  private enter(open: Open): void {
    this.leave = open(`presence-build-${this.build}`, {
      here: (members) => this.here(members, open),
      joined: (value) => {
        const member = parseMember(value);
        if (member) this.people.joined(member);
      },
      left: (value) => {
        const member = parseMember(value);
        if (member) this.people.left(member.id);
      },
      unknown: () => this.unknown(),
    });
  }

  private here(members: unknown, open: Open): void {
    clearTimeout(this.patience);
    this.known = true;
    this.people.here(parseMembers(members));
    const { id, name } = this.identity.me;
    const told = this.people.get(id)?.name;
    if (told === name) this.attempts = 0;
    else if (told !== undefined) this.comeAgain(open);
  }

  private comeAgain(open: Open): void {
    const away = AWAY[this.attempts];
    if (away === undefined) return; // another tab sleeps, or another browser has the same id
    this.attempts++;
    this.leave();
    this.leave = () => {};
    clearTimeout(this.back);
    clearTimeout(this.patience);
    this.back = setTimeout(() => this.enter(open), away);
    this.patience = setTimeout(() => this.unknown(), away + PATIENCE);
  }

  private unknown(): void {
    this.forget();
    this.sink.watchers(undefined);
  }

  private forget(): void {
    clearTimeout(this.patience);
    this.known = false;
    this.people.clear();
  }

  /** The reader is always who he says he is, whatever was told of him. */
  private tell(): void {
    if (!this.known) return;
    const { id, name } = this.identity.me;
    const others = this.people.all.filter((person) => person.id !== id);
    const me: Watcher = { id, name, you: true, leaving: false };
    this.sink.watchers([me, ...others.map((person) => ({ ...person, you: false }))]);
  }
}
