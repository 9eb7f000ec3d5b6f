// Who is on a presence channel, in the order of arrival. Somebody who leaves stays for a
// moment: a page that is loaded anew, or a name that changes, is a leave and a join.

import { fields } from './fields';
import { cleanName } from './names';

export interface Person {
  readonly id: string;
  readonly name: string;
  /** Has left a moment ago. */
  readonly leaving: boolean;
}

export interface Member {
  readonly id: string;
  readonly name: string;
}

/** Told of what changes, and of who came and went, once that is certain. */
export interface PeopleSink {
  changed(): void;
  arrived(name: string): void;
  gone(name: string): void;
}

const LINGER = 1500;
const NAMELESS = 'Somebody';

export class People {
  private readonly known = new Map<string, Person>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly sink: PeopleSink) {}

  get all(): Person[] {
    return [...this.known.values()];
  }

  get(id: string): Person | undefined {
    return this.known.get(id);
  }

  /** These are all. Whoever was there before keeps his place. */
  here(members: readonly Member[]): void {
    const listed = new Set(members.map(({ id }) => id));
    for (const id of [...this.known.keys()]) if (!listed.has(id)) this.remove(id);
    for (const member of members) this.put(member);
    this.sink.changed();
  }

  joined(member: Member): void {
    const isNew = !this.known.has(member.id);
    this.put(member);
    this.sink.changed();
    if (isNew) this.sink.arrived(member.name);
  }

  left(id: string): void {
    const person = this.known.get(id);
    if (!person || person.leaving) return;
    this.known.set(id, { ...person, leaving: true });
    this.timers.set(
      id,
      setTimeout(() => {
        this.remove(id);
        this.sink.changed();
        this.sink.gone(person.name);
      }, LINGER),
    );
    this.sink.changed();
  }

  clear(): void {
    for (const id of [...this.known.keys()]) this.remove(id);
  }

  private put({ id, name }: Member): void {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    this.known.set(id, { id, name, leaving: false });
  }

  private remove(id: string): void {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    this.known.delete(id);
  }
}

/** A member as pusher-js tells it: { id, info }. */
export function parseMember(value: unknown): Member | undefined {
  const member = fields(value);
  const id = member?.['id'];
  if (typeof id !== 'string' || id === '') return undefined;
  const name = fields(member?.['info'])?.['name'];
  return { id, name: (typeof name === 'string' && cleanName(name)) || NAMELESS };
}

/** All members as pusher-js tells them: { members: { id: info } }. */
export function parseMembers(value: unknown): Member[] {
  const all = Object.entries(fields(fields(value)?.['members']) ?? {});
  return all.map(([id, info]) => parseMember({ id, info })).filter((member) => member !== undefined);
}
