// The log on the screen: a virtual list of blocks over the terminal's lines.
// Output is taken in within a time budget per animation frame, and the
// document is changed once per frame.

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { VirtualizerOptions } from '@tanstack/virtual-core';
import type { Decoded } from '../decode';
import { Terminal } from '../terminal/terminal';
import { el } from './dom';
import { Follow } from './follow';
import { BLOCK, Heights } from './heights';
import type { Palette } from './palette';
import { Block } from './rows';
import type { RowContext } from './rows';

/** Milliseconds of each frame for taking in output, and with much of it waiting. */
const BUDGET = 8;
const CATCH_UP_BUDGET = 40;
const MUCH = 50;
const PADDING = 10;

export interface LogEvents {
  /** Lines came or changed. */
  changed(): void;
  follow(following: boolean): void;
}

export class LogView {
  readonly terminal = new Terminal();
  readonly element = el('div.log', { role: 'log', 'aria-live': 'off', tabindex: '0' });
  readonly follow: Follow;

  private readonly sizer = el('div.log-sizer');
  private readonly window = el('div.log-window');
  private readonly probe = el('span.log-probe', { 'aria-hidden': 'true' }, 'M'.repeat(100));
  private readonly heights = new Heights(this.terminal.lines);
  private readonly blocks = new Map<number, Block>();
  private readonly estimates: number[] = [];
  private readonly list: Virtualizer<HTMLElement, HTMLElement>;
  private readonly context: RowContext;
  private readonly resize = new ResizeObserver(() => this.layout());
  private readonly unmount: () => void;
  private queue: Decoded[] = [];
  private frame = 0;
  private busy = false;
  private wraps = true;
  private geometry = '';
  /** The first block that could have changed since the last frame. */
  private mutableFrom = 0;

  constructor(
    palette: Palette,
    private readonly events: LogEvents,
  ) {
    this.sizer.append(this.window);
    this.element.append(this.probe, this.sizer);
    this.follow = new Follow(this.element, (on) => this.followChanged(on));
    this.context = {
      terminal: this.terminal,
      heights: this.heights,
      palette,
      expand: (index) => this.expand(index),
    };
    this.list = new Virtualizer(this.options());
    this.unmount = this.list._didMount();
  }

  /** To be called once the element is in the document. */
  mounted(): void {
    this.list._willUpdate();
    this.resize.observe(this.element);
    this.layout();
  }

  /** Lets the keyboard scroll the log from the start. */
  focus(): void {
    this.element.classList.add('quiet');
    this.element.addEventListener('blur', () => this.element.classList.remove('quiet'), { once: true });
    this.element.focus({ preventScroll: true });
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.resize.disconnect();
    this.unmount();
  }

  push(pieces: readonly Decoded[]): void {
    for (const piece of pieces) this.queue.push(piece);
    this.schedule();
  }

  /** Forgets all lines. */
  reset(): void {
    this.queue = [];
    this.terminal.reset();
    this.heights.reset();
    this.estimates.length = this.mutableFrom = 0;
    this.clear();
    this.list.setOptions(this.options());
    this.list.measure();
    this.follow.set(true);
    this.schedule();
  }

  /** Whether output waits to be taken in. */
  get pending(): boolean {
    return this.queue.length > 0;
  }

  get wrap(): boolean {
    return this.wraps;
  }

  setWrap(on: boolean): void {
    this.wraps = on;
    this.layout();
  }

  setPalette(palette: Palette): void {
    this.context.palette = palette;
    this.clear();
    this.schedule();
  }

  toTop(): void {
    this.follow.set(false);
    this.scrollTo(0);
  }

  toEnd(): void {
    this.follow.set(true);
  }

  /** Scrolls to a line, by its index, and stops following. */
  toLine(index: number): void {
    this.follow.set(false);
    this.scrollTo(this.offsetOf(index) - 3 * PADDING);
  }

  private options(): VirtualizerOptions<HTMLElement, HTMLElement> {
    return {
      count: this.heights.blocks,
      getScrollElement: () => this.element,
      estimateSize: (b) => this.heights.block(b),
      overscan: 1,
      paddingStart: PADDING,
      paddingEnd: PADDING,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.paintUnlessBusy(),
    };
  }

  private schedule(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawFrame();
    });
  }

  private drawFrame(): void {
    this.takeIn();
    this.busy = true;
    this.updateSizes();
    this.paint();
    if (this.follow.on) this.stayAtEnd();
    this.busy = false;
    this.events.changed();
    if (this.queue.length > 0) this.schedule();
  }

  private takeIn(): void {
    const stop = performance.now() + (this.queue.length > MUCH ? CATCH_UP_BUDGET : BUDGET);
    let taken = 0;
    while (taken < this.queue.length && (taken === 0 || performance.now() < stop)) {
      const piece = this.queue[taken++]!;
      if ('text' in piece) this.terminal.write(piece.text);
      else this.terminal.gap(piece.gap);
    }
    this.queue = taken === this.queue.length ? [] : this.queue.slice(taken);
  }

  /** Tells the list about new blocks and about changes in the last ones. */
  private updateSizes(): void {
    const blocks = this.heights.blocks;
    if (digits(this.terminal) !== this.element.dataset['digits']) this.layout();
    if (this.list.options.count !== blocks) {
      this.list.setOptions(this.options());
      this.list._willUpdate();
    }
    for (let b = this.mutableFrom; b < blocks; b++) {
      const height = this.heights.block(b);
      if (this.estimates[b] === height) continue;
      this.estimates[b] = height;
      this.list.resizeItem(b, height);
    }
    this.mutableFrom = this.heights.firstMutable;
  }

  private stayAtEnd(): void {
    this.follow.pin();
    this.list.scrollOffset = this.element.scrollTop;
    if (this.paint()) this.follow.pin();
  }

  private paintUnlessBusy(): void {
    if (this.busy) return;
    this.busy = true;
    this.paint();
    this.busy = false;
  }

  /** Draws the blocks in sight; answers whether a size turned out different. */
  private paint(): boolean {
    const items = this.list.getVirtualItems();
    this.removeAllBut(new Set(items.map((item) => item.index)));
    let before: Element | null = null;
    const drawn: Block[] = [];
    for (const { index } of items) {
      const block = this.blocks.get(index) ?? this.newBlock(index);
      const expected: Element | null = before ? before.nextElementSibling : this.window.firstElementChild;
      if (block.element !== expected) this.window.insertBefore(block.element, expected);
      if (block.update(this.context)) drawn.push(block);
      before = block.element;
    }
    this.place(items[0]?.start ?? 0);
    return this.measure(drawn);
  }

  private place(start: number): void {
    this.sizer.style.height = `${this.list.getTotalSize()}px`;
    this.window.style.transform = `translateY(${start}px)`;
  }

  private measure(blocks: readonly Block[]): boolean {
    const total = this.list.getTotalSize();
    for (const block of blocks) this.list.resizeItem(block.index, block.element.offsetHeight);
    if (this.list.getTotalSize() === total) return false;
    this.place(this.list.getVirtualItems()[0]?.start ?? 0);
    return true;
  }

  private newBlock(index: number): Block {
    const block = new Block(index);
    this.blocks.set(index, block);
    return block;
  }

  private removeAllBut(kept: ReadonlySet<number>): void {
    for (const [index, block] of this.blocks) {
      if (kept.has(index)) continue;
      block.element.remove();
      this.blocks.delete(index);
    }
  }

  private clear(): void {
    this.removeAllBut(new Set());
  }

  /** Fits rows to the width of the element; keeps the first line in sight where it is. */
  private layout(): void {
    const char = this.probe.getBoundingClientRect().width / 100;
    if (char === 0) return;
    const width = digits(this.terminal);
    const gutter = Math.ceil((Number(width) + 3) * char);
    const fit = Math.floor((this.element.clientWidth - gutter - 16) / char);
    const geometry = `${fit} ${gutter} ${this.wraps}`;
    if (geometry === this.geometry) return;
    const top = this.topLine();
    this.geometry = geometry;
    this.element.dataset['digits'] = width;
    this.element.style.setProperty('--gutter', `${gutter}px`);
    this.element.classList.toggle('nowrap', !this.wraps);
    this.heights.setColumns(this.wraps ? fit : Infinity);
    this.estimates.length = 0;
    this.clear();
    this.list.measure();
    if (!this.follow.on) this.scrollTo(this.offsetOf(top));
    this.schedule();
  }

  private topLine(): number {
    const y = this.element.scrollTop;
    const item = this.list.getVirtualItemForOffset(y);
    return item ? this.heights.lineAt(item.index, y - item.start) : 0;
  }

  private offsetOf(index: number): number {
    const item = this.list.measurementsCache[Math.floor(index / BLOCK)];
    return item ? item.start + this.heights.within(index) : 0;
  }

  private scrollTo(y: number): void {
    this.element.scrollTop = y;
    this.follow.moved();
    this.schedule();
  }

  private expand(index: number): void {
    this.follow.set(false);
    this.heights.expand(index);
    this.list.resizeItem(Math.floor(index / BLOCK), this.heights.block(Math.floor(index / BLOCK)));
    this.schedule();
  }

  private followChanged(on: boolean): void {
    if (on) this.schedule();
    this.events.follow(on);
  }
}

/** Places for line numbers: at least four, so that a growing log rarely moves. */
function digits(terminal: Terminal): string {
  const last = terminal.numberOf(terminal.lines.length - 1);
  return String(Math.max(4, String(last).length));
}
