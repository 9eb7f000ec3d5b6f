package checker

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Line is one line that a writer appends: the Seq-th of its own, counted from 1.
type Line struct {
	Run, Channel, Writer string // without |
	Seq                  int
	Filler               string // makes the line long; may be empty
}

// String returns "run|channel|writer|seq|checksum", and "|filler" behind it where
// there is one.
func (l Line) String() string {
	head := fmt.Sprintf("%s|%s|%s|%d|", l.Run, l.Channel, l.Writer, l.Seq)
	text := head + checksum(head+l.Filler)
	if l.Filler != "" {
		text += "|" + l.Filler
	}
	return text
}

// ParseLine parses what [Line.String] returns.
func ParseLine(text string) (Line, error) {
	parts := strings.SplitN(text, "|", 6)
	if len(parts) < 5 {
		return Line{}, fmt.Errorf("%.80q is no line of a writer", text)
	}
	seq, err := strconv.Atoi(parts[3])
	if err != nil {
		return Line{}, fmt.Errorf("%.80q is no line of a writer: %w", text, err)
	}
	l := Line{Run: parts[0], Channel: parts[1], Writer: parts[2], Seq: seq}
	if len(parts) == 6 {
		l.Filler = parts[5]
	}
	if l.String() != text {
		return Line{}, fmt.Errorf("%.80q has a wrong checksum", text)
	}
	return l, nil
}

func checksum(s string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(s)))
}
