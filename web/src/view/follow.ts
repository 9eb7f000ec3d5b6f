// Follow mode: the log stays at its end as it grows, until the reader scrolls
// up; scrolling back to the end, or asking for it, resumes.

const NEAR = 4;

export class Follow {
  private following = true;
  private last = 0;

  constructor(
    private readonly element: HTMLElement,
    private readonly onChange: (following: boolean) => void,
  ) {
    element.addEventListener('scroll', () => this.scrolled(), { passive: true });
    element.addEventListener('wheel', (event) => this.wheeled(event), { passive: true });
  }

  get on(): boolean {
    return this.following;
  }

  set(on: boolean): void {
    if (on === this.following) return;
    this.following = on;
    this.onChange(on);
  }

  /** Moves to the end if following; to be called after the log has grown. */
  pin(): void {
    if (!this.following) return;
    this.element.scrollTop = this.element.scrollHeight;
    this.last = this.element.scrollTop;
  }

  /** Notes a scroll position that the reader did not choose. */
  moved(): void {
    this.last = this.element.scrollTop;
  }

  private scrolled(): void {
    const top = this.element.scrollTop;
    const atEnd = top >= this.element.scrollHeight - this.element.clientHeight - NEAR;
    if (atEnd && top > this.last) this.set(true);
    else if (!atEnd && top < this.last - 1) this.set(false);
    this.last = top;
  }

  private wheeled(event: WheelEvent): void {
    const scrolls = this.element.scrollHeight > this.element.clientHeight;
    if (event.deltaY < 0 && scrolls) this.set(false);
  }
}
