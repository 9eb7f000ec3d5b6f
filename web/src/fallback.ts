// What pusher-js leaves undone where it has fallen back to HTTP: it stays there though
// WebSockets may work again, and does not notice that a message was lost on its way.

const FIRST_PAUSE = 10_000;
const LONGEST_PAUSE = 600_000;
/** A WebSocket that says nothing for this long does not work. */
const ATTEMPT = 10_000;
/**
 * Over HTTP each message is a request of its own, whose answer pusher-js does not look at.
 * A subscription that is not answered for this long is taken for lost.
 */
const ANSWER = 10_000;

type Timer = ReturnType<typeof setTimeout>;

export class Fallback {
  private http = false;
  private waits = false;
  /** Grows as long as the page lives: a WebSocket that works for moments only is tried ever less. */
  private pause = FIRST_PAUSE;
  private next: Timer | undefined;
  private lost: Timer | undefined;
  private stopAttempt: () => void = () => {};

  /**
   * `restart` connects anew. `tryWebSocket` opens a WebSocket to the relay beside the
   * connection, calls back when the relay has greeted, and returns what ends it.
   */
  constructor(
    private readonly restart: () => void,
    private readonly tryWebSocket: (works: () => void) => () => void,
  ) {}

  /** To be called when there is a connection, by a transport of pusher-js. */
  up(transport: string): void {
    this.http = !/^wss?$/.test(transport);
    if (this.http) this.schedule();
    this.subscribing(this.waits);
  }

  /** To be called when there is none, as often as one likes. */
  down(): void {
    this.http = false;
    clearTimeout(this.next);
    clearTimeout(this.lost);
    this.stopAttempt();
  }

  /** Whether subscriptions wait for the relay; to be called when one is made, answered or fails. */
  subscribing(waits: boolean): void {
    this.waits = waits;
    clearTimeout(this.lost);
    if (this.http && waits) this.lost = setTimeout(this.restart, ANSWER);
  }

  private schedule(): void {
    // Pages that lost the relay together do not come back together.
    this.next = setTimeout(() => this.attempt(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(LONGEST_PAUSE, this.pause * 2);
  }

  private attempt(): void {
    const stop = this.tryWebSocket(() => {
      this.stopAttempt();
      this.restart();
    });
    this.stopAttempt = () => {
      clearTimeout(this.next);
      stop();
      this.stopAttempt = () => {};
    };
    this.next = setTimeout(() => {
      this.stopAttempt();
      this.schedule();
    }, ATTEMPT);
  }
}
