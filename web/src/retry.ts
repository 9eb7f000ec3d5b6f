// One repeated task: at most one run at a time, again after a failure with a
// growing pause, again at once when asked for while it runs.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

export class Retry {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private due = Infinity;
  private running: AbortController | undefined;
  private again = false;
  private closed = false;
  private failures = 0;

  /**
   * task answers whether it is content; false or an exception repeats it later.
   * It is told how many runs before it were not content.
   */
  constructor(private readonly task: (signal: AbortSignal, failures: number) => Promise<boolean>) {}

  /**
   * Runs the task within `pause` milliseconds, or once more after the run under
   * way. With a pause it never shortens the wait after a failure; without one
   * it does.
   */
  request(pause = 0): void {
    if (this.running) this.again = true;
    else if (pause === 0 || this.failures === 0) this.schedule(pause);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.running?.abort();
  }

  private schedule(pause: number): void {
    const due = Date.now() + pause;
    if (this.closed || due >= this.due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => void this.run(), pause);
  }

  private async run(): Promise<void> {
    const controller = new AbortController();
    this.running = controller;
    this.due = Infinity;
    this.again = false;
    const content = await this.task(controller.signal, this.failures).catch(() => false);
    this.running = undefined;
    this.failures = content ? 0 : this.failures + 1;
    if (!content) this.schedule(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.failures - 1)));
    else if (this.again) this.schedule(0);
  }
}
