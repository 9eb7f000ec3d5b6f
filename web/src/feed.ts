// The output of one build, complete and in order: subscribes first, then
// fetches what was before, merges both by sequence number, and does the same
// after every reconnect and whenever something is missing.

import { fetchOutput, HttpError } from './api';
import { OutputDecoder } from './decode';
import type { Decoded } from './decode';
import { OutputMerge } from './merge';
import type { Piece } from './merge';
import { channelOf, parseBatch, parseFinished } from './model';
import type { Build, Finished, Output } from './model';
import { Retry } from './retry';
import type { ChannelHandlers } from './transport';

/** loading: nothing yet. current: all is here. behind: output is being fetched. */
export type FeedState = 'loading' | 'current' | 'behind' | 'refused' | 'unknown-build';

/** What a feed reports. */
export interface FeedSink {
  build(build: Build): void;
  output(pieces: Decoded[]): void;
  /** The build has ended and all its output has been reported. */
  finished(finished: Finished): void;
  state(state: FeedState, lostEvents: number): void;
}

type Open = (channel: string, handlers: ChannelHandlers) => () => void;

/** Without a subscription the output is fetched anyway after this time. */
const PATIENCE = 2000;
/** A hole may close by itself: events can overtake each other. */
const REORDER = 300;
/** A reader that falls behind may do so again at once. */
const REFETCH = 500;
/** Fetches in a row that leave a hole before it is shown as a gap. */
const MAX_TRIES = 6;

export class BuildFeed {
  private readonly merge = new OutputMerge();
  private readonly decoder = new OutputDecoder();
  private readonly loader = new Retry((signal, failures) => this.load(signal, failures));
  private end: Finished | undefined;
  private ended = false;
  private lostEvents = 0;
  private state: FeedState = 'loading';
  private unsubscribe: () => void = () => {};

  constructor(
    private readonly id: number,
    private readonly sink: FeedSink,
  ) {}

  start(open: Open): void {
    this.unsubscribe = open(channelOf(this.id), {
      subscribed: () => this.loader.request(),
      refused: () => this.setState('refused'),
      lost: (count) => this.lost(count),
      event: (name, data) => this.event(name, data),
    });
    this.loader.request(PATIENCE);
  }

  close(): void {
    this.unsubscribe();
    this.loader.close();
  }

  /** The build is over, as the list has it: its end must come soon, else it is fetched. */
  over(): void {
    setTimeout(() => {
      if (!this.ended) this.loader.request();
    }, PATIENCE);
  }

  private event(name: string, data: unknown): void {
    if (name === 'build:output') {
      const batch = parseBatch(data);
      if (batch) this.deliver(this.merge.add(batch));
    } else if (name === 'build:finished') {
      this.end = parseFinished(data) ?? this.end;
    } else if (name === 'build:started') {
      this.loader.request();
    }
    this.settle();
    if (this.isMissing() && this.state !== 'loading') this.loader.request(REORDER);
  }

  private lost(count: number): void {
    this.lostEvents += Math.max(count, 1);
    if (this.state !== 'loading') this.setState('behind');
    this.loader.request(REFETCH);
  }

  private async load(signal: AbortSignal, failures: number): Promise<boolean> {
    const output = await this.fetch(signal);
    if (!output) return this.state === 'unknown-build';
    if (output.build) this.sink.build(output.build);
    this.end ??= output.finished;
    this.deliver(this.merge.fill(output.batches));
    if (this.isMissing() && failures >= MAX_TRIES) {
      this.deliver(this.merge.giveUp(Math.max(this.merge.last, this.end?.seq ?? 0)));
    }
    const missing = this.isMissing();
    if (!missing) this.lostEvents = 0;
    this.setState(missing ? 'behind' : 'current');
    this.settle();
    return !missing;
  }

  private async fetch(signal: AbortSignal): Promise<Output | undefined> {
    try {
      return await fetchOutput(this.id, signal);
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) this.setState('unknown-build');
      return undefined;
    }
  }

  private deliver(pieces: Piece[]): void {
    const decoded = pieces.flatMap((piece) => this.decoder.decode(piece));
    if (decoded.length > 0) this.sink.output(decoded);
  }

  private isMissing(): boolean {
    return this.merge.waiting || (this.end !== undefined && this.merge.next <= this.end.seq);
  }

  private settle(): void {
    if (this.isMissing()) return;
    if (this.state === 'behind' && this.lostEvents === 0) this.setState('current');
    if (!this.end || this.ended) return;
    this.ended = true;
    this.sink.output(this.decoder.end());
    this.sink.finished(this.end);
  }

  private setState(state: FeedState): void {
    this.state = state;
    this.sink.state(state, this.lostEvents);
  }
}
