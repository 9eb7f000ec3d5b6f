package checker

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"

	"buildrelay/protocol"
)

// oldest is the offset of the oldest entry that is retained, one behind the top
// where none is.
func (l *Log) oldest() uint64 {
	if len(l.Entries) == 0 {
		return l.Top.ID.Offset + 1
	}
	return l.Entries[0].Link.At.ID.Offset
}

// readLog checks a log by itself.
func (c *check) readLog(l *Log) {
	c.logs[l.Channel] = l
	if first := l.oldest(); first > 1 && !c.Trims {
		c.wrongLog(Lost, l, 0, "its first %d entries were trimmed", first-1)
	}
	next := l.oldest()
	for i, e := range l.Entries {
		at := e.Link.At
		if at.ID.Offset != next || at.Epoch != l.Top.Epoch {
			c.wrongLog(Lost, l, i, "the entry at %s should have the offset %d", at, next)
		}
		next = at.ID.Offset + 1
		here := place{l.Channel, at}
		c.stands[here], c.prevs[here], c.times[here] = true, e.Link.Prev, appendedAt(e.Link)
		c.agree(l.Channel+", the log", l.Channel, at, e.Data, appendedAt(e.Link), func() []string { return l.trace(i) })
	}
	if l.Top.ID.Offset != next-1 {
		c.wrongLog(Lost, l, len(l.Entries)-1, "it ends at %d, its meta data says %s", next-1, l.Top)
	}
	c.readLines(l)
	c.checkChain(l)
}

// readLines checks what the entries say.
func (c *check) readLines(l *Log) {
	seen, last := make(map[string]bool), make(map[string]int)
	for i, e := range l.Entries {
		line, _ := ParseLine(e.Data) // what is no line was not written
		switch {
		case !c.written(l.Channel, e.Data):
			c.wrongLog(Invented, l, i, "%.80q was never written", e.Data)
			continue
		case c.calls[e.Data].Outcome == Failed:
			c.wrongLog(Invented, l, i, "%s was refused", brief(e.Data))
		case seen[e.Data]:
			c.wrongLog(Doubled, l, i, "%s stands in it twice", brief(e.Data))
		case line.Seq < last[line.Writer]:
			c.wrongLog(Swapped, l, i, "%s comes after line %d", brief(e.Data), last[line.Writer])
		}
		seen[e.Data], last[line.Writer] = true, line.Seq
	}
}

func (c *check) wrongLog(kind Wrong, l *Log, i int, format string, args ...any) {
	v := Violation{Wrong: kind, Where: l.Channel + ", the log", What: fmt.Sprintf(format, args...), Trace: l.trace(i)}
	if 0 <= i && i < len(l.Entries) {
		v.When = appendedAt(l.Entries[i].Link)
	}
	c.violation(v)
}

// checkChain computes the chain of a log that is whole: docs/PROTOCOL.md tells how.
func (c *check) checkChain(l *Log) {
	if l.oldest() != 1 {
		return
	}
	digest := l.Top.Epoch
	for i, e := range l.Entries {
		at := e.Link.At
		digest = chain(digest, at.ID.Offset, e)
		c.digests[place{l.Channel, at}] = digest
		nonce, _ := strconv.ParseUint(digest[:8], 16, 32) // hexadecimal by its making
		final := e.Link.Final
		if uint32(nonce) != at.ID.Nonce || final != nil && final.Digest != digest {
			c.wrongLog(Disagreed, l, i, "the digest at %s is %s by what stands there", at, digest)
			return
		}
	}
}

func chain(before string, offset uint64, e protocol.Event) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d %d %s%s", before, offset, len(e.Name), e.Name, e.Data))
	return hex.EncodeToString(sum[:])
}

// around is how much of a sequence a trace shows before and behind a violation.
const around = 3

// trace shows the entries about the i-th.
func (l *Log) trace(i int) (lines []string) {
	for j := max(0, i-around); j < min(len(l.Entries), i+around+1); j++ {
		e := l.Entries[j]
		lines = append(lines, mark(i == j)+e.Link.At.String()+" "+brief(e.Data))
	}
	return lines
}

func mark(here bool) string {
	if here {
		return "> "
	}
	return "  "
}

// brief is a line without what is the same in all.
func brief(data string) string {
	l, err := ParseLine(data)
	if err != nil {
		return fmt.Sprintf("%.80q", data)
	}
	return fmt.Sprintf("line %d of %s", l.Seq, l.Writer)
}
