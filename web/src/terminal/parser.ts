// Splits terminal output into printable text, control characters and escape
// sequences (ECMA-48, as xterm reads them). State is kept between calls, so a
// sequence may be cut anywhere. Nothing unterminated can swallow the log: a
// CSI ends at its bound, a control string (OSC, DCS, APC, PM, SOS) at its
// bound or at the end of the line, whichever comes first.

/** What a Parser reports, in order. */
export interface Sink {
  /** Text without any control character. */
  print(text: string): void;
  /** A C0 control character other than ESC, by its code. */
  control(code: number): void;
  /** A complete sequence: CSI by its final byte, ESC by its final byte, or the body of an OSC. */
  sequence(kind: 'csi' | 'esc' | 'osc', final: string, body: string): void;
}

const CSI_LIMIT = 256;
const STRING_LIMIT = 1 << 20;
const OSC_KEPT = 4096;

const ESC = 0x1b;
const CAN = 0x18;
const SUB = 0x1a;
const LF = 0x0a;

type State = 'ground' | 'escape' | 'csi' | 'string';

export class Parser {
  private state: State = 'ground';
  private body = '';
  private length = 0;
  private keeps = false;
  private readonly special = /[\x00-\x1f\x7f-\x9f]/g;
  private readonly wholeCsi = /\x1b\[([0-9;:]{0,64})([@-~])/y;
  private readonly stringEnd = /[\x07\x0a\x18\x1a\x1b\x9c]/g;

  constructor(private readonly sink: Sink) {}

  parse(s: string): void {
    for (let i = 0; i < s.length; ) {
      i = this.step(s, i);
    }
  }

  /** Forgets an unfinished sequence, for instance after lost output. */
  reset(): void {
    this.state = 'ground';
    this.body = '';
  }

  private step(s: string, i: number): number {
    switch (this.state) {
      case 'ground':
        return this.ground(s, i);
      case 'escape':
        return this.escape(s, i);
      case 'csi':
        return this.csi(s, i);
      case 'string':
        return this.controlString(s, i);
    }
  }

  private ground(s: string, i: number): number {
    this.special.lastIndex = i;
    const found = this.special.exec(s);
    const end = found ? found.index : s.length;
    if (end > i) this.sink.print(s.slice(i, end));
    if (!found) return end;
    const code = s.charCodeAt(end);
    const after = code === ESC ? this.csiAtOnce(s, end) : 0;
    if (after > 0) return after;
    this.controlCharacter(code);
    return end + 1;
  }

  /** The common case, a plain CSI that is all there: answers where it ends, or 0. */
  private csiAtOnce(s: string, i: number): number {
    this.wholeCsi.lastIndex = i;
    const found = this.wholeCsi.exec(s);
    if (!found) return 0;
    this.sink.sequence('csi', found[2]!, found[1]!);
    return i + found[0].length;
  }

  /** Handles C0, DEL and C1; C1 is the 8-bit spelling of ESC and one letter. */
  private controlCharacter(code: number): void {
    if (code === ESC) this.enter('escape');
    else if (code < 0x20) this.sink.control(code);
    else if (code >= 0x80) this.introducer(String.fromCharCode(code - 0x40));
  }

  /** What follows ESC: the start of a longer sequence, or a final byte. */
  private introducer(letter: string): void {
    if (letter === '[') {
      this.enter('csi');
    } else if (']P_^Xk'.includes(letter)) {
      this.enter('string');
      this.keeps = letter === ']';
    } else {
      this.state = 'ground';
      this.sink.sequence('esc', letter, '');
    }
  }

  private escape(s: string, i: number): number {
    const code = s.charCodeAt(i);
    if (code >= 0x20 && code < 0x30 && this.body.length < CSI_LIMIT) {
      this.body += s[i]; // an intermediate byte, as in ESC ( B
      return i + 1;
    }
    if (code < 0x20 || code > 0x7e) return this.abort(i);
    if (this.body === '') this.introducer(s[i]!);
    else this.reset(); // a character set or the like: of no use to a log
    return i + 1;
  }

  private csi(s: string, i: number): number {
    const code = s.charCodeAt(i);
    if (code >= 0x40 && code <= 0x7e) {
      this.state = 'ground';
      this.sink.sequence('csi', s[i]!, this.body);
      return i + 1;
    }
    if (code < 0x20 && code !== ESC && code !== CAN && code !== SUB) {
      this.sink.control(code); // a terminal acts on C0 inside a sequence
      return i + 1;
    }
    if (code < 0x20 || code > 0x7e || this.body.length >= CSI_LIMIT) return this.abort(i);
    this.body += s[i];
    return i + 1;
  }

  /** Leaves a broken sequence; the character at i is read again as plain input. */
  private abort(i: number): number {
    this.reset();
    return i;
  }

  private controlString(s: string, i: number): number {
    this.stringEnd.lastIndex = i;
    const found = this.stringEnd.exec(s);
    const end = found ? found.index : s.length;
    const bound = i + STRING_LIMIT - this.length;
    if (end >= bound) return this.abort(bound);
    this.collect(s, i, end);
    if (!found) return end;
    return this.endString(s.charCodeAt(end), end);
  }

  private collect(s: string, from: number, to: number): void {
    this.length += to - from;
    if (this.keeps && this.length <= OSC_KEPT) this.body += s.slice(from, to);
  }

  private endString(code: number, i: number): number {
    const whole = code !== LF && code !== CAN && code !== SUB && this.length <= OSC_KEPT;
    const body = this.body;
    const report = this.keeps && whole;
    this.reset();
    if (report) this.sink.sequence('osc', '', body);
    if (code === LF) return i; // the line goes on as if the string had ended before it
    if (code === ESC) this.enter('escape'); // ESC \ ends it; any other ESC starts anew
    return i + 1;
  }

  private enter(state: State): void {
    this.state = state;
    this.body = '';
    this.length = 0;
    this.keeps = false;
  }
}
