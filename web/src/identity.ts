// Who the reader is: an id, and the name that is shown to all who watch the same
// build. Both are kept in the browser, so that its tabs are one person.

import { cleanName, randomName } from './names';

const KEY = 'buildrelay.person';
const ID = /^[0-9a-f]{32}$/;

export interface Me {
  readonly id: string;
  readonly name: string;
}

type Store = Pick<Storage, 'getItem' | 'setItem'>;

export class Identity {
  private person: Me;
  private readonly listeners = new Set<() => void>();

  /**
   * Without storage, which throws where the reader has forbidden it, a person lasts as
   * long as the page. `tabs` tells what other tabs store.
   */
  constructor(
    private readonly storage: () => Store,
    tabs: EventTarget,
  ) {
    const kept = this.kept();
    this.person = kept ?? { id: randomId(), name: randomName() };
    if (!kept) this.keep();
    tabs.addEventListener('storage', (event) => this.stored(event as StorageEvent));
  }

  get me(): Me {
    return this.person;
  }

  /** Takes another name; one that cannot be a name changes nothing. */
  rename(text: string): void {
    const name = cleanName(text);
    if (name === '' || name === this.person.name) return;
    this.person = { id: this.person.id, name };
    this.keep();
    this.changed();
  }

  /** What an auth request says of the reader. */
  claim(): Record<string, string> {
    return { user_id: this.person.id, user_name: this.person.name };
  }

  /** Calls back after every change, until the function it returns is called. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Another tab has taken another name. */
  private stored({ key, newValue }: StorageEvent): void {
    const person = key === KEY ? parsePerson(newValue) : undefined;
    if (!person || (person.id === this.person.id && person.name === this.person.name)) return;
    this.person = person;
    this.changed();
  }

  private kept(): Me | undefined {
    try {
      return parsePerson(this.storage().getItem(KEY));
    } catch {
      return undefined;
    }
  }

  private keep(): void {
    try {
      this.storage().setItem(KEY, JSON.stringify(this.person));
    } catch {
      // Then the name is forgotten with the page.
    }
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

function parsePerson(text: string | null): Me | undefined {
  try {
    const { id, name } = JSON.parse(text ?? 'null') as { id?: unknown; name?: unknown };
    if (typeof id !== 'string' || !ID.test(id) || typeof name !== 'string') return undefined;
    return { id, name: cleanName(name) || randomName() };
  } catch {
    return undefined;
  }
}

/** crypto.randomUUID would be there in a secure context only. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
