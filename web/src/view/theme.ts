// Light or dark: as the system says, unless the reader has chosen.

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'buildrelay.theme';
const ORDER: readonly Theme[] = ['auto', 'light', 'dark'];

export class ThemeChoice {
  private chosen: Theme = stored();
  private readonly system = matchMedia('(prefers-color-scheme: dark)');
  private readonly listeners = new Set<() => void>();

  constructor() {
    this.apply();
    this.system.addEventListener('change', () => this.changed());
  }

  get theme(): Theme {
    return this.chosen;
  }

  get isDark(): boolean {
    return this.chosen === 'dark' || (this.chosen === 'auto' && this.system.matches);
  }

  /** System, light, dark, system, … */
  next(): void {
    this.chosen = ORDER[(ORDER.indexOf(this.chosen) + 1) % ORDER.length]!;
    this.apply();
    try {
      localStorage.setItem(KEY, this.chosen);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    this.changed();
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private apply(): void {
    document.documentElement.dataset['theme'] = this.chosen;
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return ORDER.find((theme) => theme === value) ?? 'auto';
  } catch {
    return 'auto';
  }
}
