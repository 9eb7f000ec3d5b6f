// Keeps on connecting. pusher-js waits up to a minute between attempts once
// some have failed; a person who watches a build should not.

/** Long enough for all that pusher-js tries: over TLS its last, polling, begins after 6 s. */
const FIRST_PAUSE = 9000;
const LONGEST_PAUSE = 20_000;
/** The server has said that it does not want this page: ask again, but seldom. */
const REFUSED_PAUSE = 30_000;
/** Without a connection for this long, the page says that it is offline. */
const OFFLINE_AFTER = 8000;

export class Persistence {
  private retry: ReturnType<typeof setTimeout> | undefined;
  private offline: ReturnType<typeof setTimeout> | undefined;
  private attempts = 0;

  constructor(
    private readonly restart: () => void,
    private readonly onOffline: () => void,
  ) {}

  /** To be called when there is a connection. */
  up(): void {
    clearTimeout(this.retry);
    clearTimeout(this.offline);
    this.retry = this.offline = undefined;
    this.attempts = 0;
  }

  /** To be called when there is none, as often as one likes. */
  down(refused: boolean): void {
    this.offline ??= setTimeout(this.onOffline, OFFLINE_AFTER);
    if (refused) clearTimeout(this.retry);
    if (refused || this.retry === undefined) this.schedule(refused ? REFUSED_PAUSE : this.pause());
  }

  private schedule(pause: number): void {
    this.retry = setTimeout(() => {
      this.attempts++;
      this.schedule(this.pause());
      this.restart();
    }, pause);
  }

  /** Grows, and differs from page to page: they all lose the relay at the same moment. */
  private pause(): number {
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 1.6 ** this.attempts);
    return pause * (0.75 + Math.random() / 2);
  }
}
