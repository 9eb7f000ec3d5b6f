package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"buildrelay/relay/audit"
)

// Place is where a record stands among all of a trail: they are ordered by time, then by
// chain, then by number. The zero value is no place: the start of Page, the end of Newest.
type Place struct {
	At    time.Time
	Chain string
	Seq   int64
}

// PlaceOf is the place of a record.
func PlaceOf(s audit.Stored) Place { return Place{At: s.OccurredAt, Chain: s.Chain, Seq: s.Seq} }

// IsZero says that it is no place.
func (p Place) IsZero() bool { return p.Seq == 0 && p.Chain == "" && p.At.IsZero() }

// String is the place as a word that may stand in a URL; the zero value is the empty one.
func (p Place) String() string {
	if p.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%s", nanoseconds(p.At), p.Seq, base64.RawURLEncoding.EncodeToString([]byte(p.Chain)))
}

// ParsePlace reads what String wrote, and nothing else.
func ParsePlace(text string) (Place, error) {
	if text == "" {
		return Place{}, nil
	}
	wrong := errors.New("it is no place in an audit trail")
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return Place{}, wrong
	}
	at, err1 := strconv.ParseInt(parts[0], 10, 64)
	seq, err2 := strconv.ParseInt(parts[1], 10, 64)
	chain, err3 := base64.RawURLEncoding.DecodeString(parts[2])
	p := Place{At: time.Unix(0, at).UTC(), Chain: string(chain), Seq: seq}
	// A number can be written in several ways, and a text in base64 too.
	if errors.Join(err1, err2, err3) != nil || p.String() != text {
		return Place{}, wrong
	}
	return p, nil
}

// nanoseconds is a time as it is kept: since 1970. What is before 1678 or after 2262 is as
// early or as late as can be.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
