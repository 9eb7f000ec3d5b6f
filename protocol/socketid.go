package protocol

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
)

// NewSocketID returns a random id for a connection, "A.B" with A and B between
// 1 and 2^31. Its 62 random bits make it unique over all nodes, and keep a
// signature that was made for one connection from fitting another.
func NewSocketID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: documented by crypto/rand
	return fmt.Sprintf("%d.%d", half(b[:4]), half(b[4:]))
}

func half(b []byte) uint32 { return binary.BigEndian.Uint32(b)>>1 + 1 }

// CheckSocketID returns an error unless s is digits, one dot, digits: the form
// that every server library insists on before it signs anything.
func CheckSocketID(s string) error {
	a, b, _ := strings.Cut(s, ".")
	if !digits(a) || !digits(b) {
		return fmt.Errorf("invalid socket_id '%s'", clip(s))
	}
	return nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
