package protocol

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ID names an entry of a log. Offsets count from 1 without holes. The nonce is a
// hash over everything up to the entry, so two histories that put different
// events at one offset differ in it. The zero ID stands before the first entry.
type ID struct {
	Offset uint64
	Nonce  uint32
}

// String returns "<offset>-<nonce>", which is the entry's id in the Redis stream.
func (id ID) String() string { return string(id.append(nil)) }

func (id ID) append(b []byte) []byte {
	b = strconv.AppendUint(b, id.Offset, 10)
	b = append(b, '-')
	return strconv.AppendUint(b, uint64(id.Nonce), 10)
}

// maxOffsetDigits keeps offsets within what JavaScript counts exactly.
const maxOffsetDigits = 15

// ParseID parses what [ID.String] returns.
func ParseID(s string) (ID, error) {
	offset, nonce, found := strings.Cut(s, "-")
	if !found || !isDecimal(offset, maxOffsetDigits) || !isDecimal(nonce, 10) {
		return ID{}, fmt.Errorf("invalid id %q: it must be <offset>-<nonce>, two numbers", clip(s))
	}
	o, err1 := strconv.ParseUint(offset, 10, 64)
	n, err2 := strconv.ParseUint(nonce, 10, 32)
	if err := errors.Join(err1, err2); err != nil || o == 0 && n != 0 {
		return ID{}, fmt.Errorf("invalid id %q: the offset counts from 1 and the nonce has 32 bits", clip(s))
	}
	return ID{o, uint32(n)}, nil
}

// isDecimal says whether s is a number of at most limit digits, written the one
// way that there is.
func isDecimal(s string, limit int) bool {
	if s == "" || len(s) > limit || len(s) > 1 && s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Position is a place in a channel's log: behind the entry called ID in the life
// of the log called Epoch. The zero Position is the beginning of a log that has
// none yet. Clients treat positions as opaque.
type Position struct {
	Epoch string // 16 hexadecimal digits; empty in the zero Position
	ID    ID
}

// noEpoch stands for the empty epoch in a position's text.
const noEpoch = "0"

// String returns "<epoch>:<offset>-<nonce>", and "0:0-0" for the zero Position.
func (p Position) String() string { return string(p.append(nil)) }

func (p Position) append(b []byte) []byte {
	if p.Epoch == "" {
		b = append(b, noEpoch...)
	} else {
		b = append(b, p.Epoch...)
	}
	return p.ID.append(append(b, ':'))
}

// ParsePosition parses what [Position.String] returns.
func ParsePosition(s string) (Position, error) {
	epoch, id, _ := strings.Cut(s, ":")
	parsed, err := ParseID(id)
	if err != nil || epoch == noEpoch && parsed != (ID{}) || epoch != noEpoch && !ValidEpoch(epoch) {
		return Position{}, fmt.Errorf("invalid position %q: it must be one that the relay gave out", clip(s))
	}
	if epoch == noEpoch {
		epoch = ""
	}
	return Position{epoch, parsed}, nil
}

// epochLen is how many hexadecimal digits an epoch has.
const epochLen = 16

// ValidEpoch says whether s can be the epoch of a log: 16 digits of 0-9a-f.
func ValidEpoch(s string) bool {
	return len(s) == epochLen && isHex(s)
}

// isHex says whether all of s are digits of 0-9a-f.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
