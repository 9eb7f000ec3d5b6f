// One repeated task: at most one run at a time, again after a failure with a
// growing pause, again at once when asked for while it runs.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

export class Retry {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private due = Infinity;
  private running = false;
  private again = false;
  private failures = 0;

  /** An exception repeats the task later. */
  constructor(private readonly task: () => Promise<void>) {}

  /**
   * Runs the task within `pause` milliseconds, or once more after the run under
   * way. With a pause it never shortens the wait after a failure; without one
   * it does.
   */
  request(pause = 0): void {
    if (this.running) this.again = true;
    else if (pause === 0 || this.failures === 0) this.schedule(pause);
  }

  private schedule(pause: number): void {
    const due = Date.now() + pause;
    if (due >= this.due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => void this.run(), pause);
  }

  private async run(): Promise<void> {
    this.running = true;
    this.due = Infinity;
    this.again = false;
    try {
      await this.task();
      this.failures = 0;
    } catch {
      this.failures++;
    }
    this.running = false;
    if (this.failures > 0) this.schedule(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.failures - 1)));
    else if (this.again) this.schedule(0);
  }
}
