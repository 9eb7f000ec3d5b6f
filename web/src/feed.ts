// The output of one build, complete and in order: the relay replays the log of its
// channel from the beginning, and resume goes on with it after every reconnect. What
// the relay, or the build's side, tells to be missing is a gap.

import type { Gap as ToldGap, Log } from 'buildrelay-resume';
import { base64Decode, OutputDecoder } from './decode';
import type { Decoded, Gap } from './decode';
import { channelOf, parseBatch, parseFinished, parseStarted } from './model';
import type { Batch, Finished, Started } from './model';
import { Recording } from './recording';
import type { LogHandlers } from './transport';
import { gapTitle } from './words';

/** What a feed reports. */
export interface FeedSink {
  started(started: Started): void;
  output(pieces: Decoded[]): void;
  /** What was reported is no part of the log: it begins anew. */
  reset(): void;
  /** The build has ended and all its output has been reported. */
  finished(finished: Finished): void;
  /** Something else is known of the log. */
  logIs(log: Log): void;
  /** The backend does not allow the channel. */
  refused(): void;
}

type Open = (channel: string, handlers: LogHandlers) => () => void;

const LINE_FEED = 10;

export class BuildFeed {
  readonly recording = new Recording();
  private decoder = new OutputDecoder();
  /** Gaps that were told; how many lines are in one is known when output follows. */
  private held: Gap[] = [];
  /** The number of the line that the output has come to; undefined if nobody counts. */
  private line: number | undefined = 1;
  private leave: () => void = () => {};

  constructor(
    private readonly id: number,
    private readonly sink: FeedSink,
  ) {}

  start(open: Open): void {
    this.leave = open(channelOf(this.id), {
      refused: () => this.sink.refused(),
      event: (name, data) => this.event(name, data),
      gap: (gap) => this.gap(gap),
      reset: (log) => this.reset(log),
      changed: (log) => this.sink.logIs(log),
    });
  }

  close(): void {
    this.leave();
  }

  private event(name: string, data: unknown): void {
    const batch = name === 'build:output' ? parseBatch(data) : undefined;
    this.showGaps(batch?.line);
    if (batch) return this.output(batch);
    const started = name === 'build:started' ? parseStarted(data) : undefined;
    if (started) this.sink.started(started);
    const finished = name === 'build:finished' ? parseFinished(data) : undefined;
    if (!finished) return;
    this.sink.output(this.decoder.end());
    this.sink.finished(finished);
  }

  private output(batch: Batch): void {
    this.line = batch.line;
    if (batch.lost !== undefined) {
      this.held.push({ by: 'build', amount: batch.lost || null, lines: null, reason: '' });
      return;
    }
    if (this.line !== undefined) this.line += lineEnds(batch);
    this.recording.add(batch);
    this.sink.output(this.decoder.decode(batch));
  }

  /** A reset is no gap in what will be shown, but an end of it. */
  private gap({ missing, reason, reset }: ToldGap): void {
    if (!reset) this.held.push({ by: 'log', amount: missing, lines: null, reason });
  }

  private reset(log: Log): void {
    this.decoder = new OutputDecoder();
    this.recording.clear();
    this.line = 1;
    this.held = log.gaps.map(({ missing, reason }) => ({ by: 'log', amount: missing, lines: null, reason }));
    this.sink.reset();
  }

  /** Shows what is missing before a line. */
  private showGaps(line: number | undefined): void {
    const lines = line !== undefined && this.line !== undefined && this.held.length === 1 ? line - this.line : null;
    for (const held of this.held.splice(0)) {
      const gap = { ...held, lines };
      this.recording.gap(gapTitle(gap));
      this.sink.output(this.decoder.gap(gap));
    }
  }
}

function lineEnds({ text, base64 }: Batch): number {
  if (base64 === undefined) return (text ?? '').split('\n').length - 1;
  return base64Decode(base64)?.filter((byte) => byte === LINE_FEED).length ?? 0;
}
