// Package recheck has what those share who look again and again whether files have another
// content.
package recheck

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
)

// Asks are for something that is done at once by whoever looks. Whoever gets one closes it when
// that is done.
type Asks chan chan struct{}

// Ask asks for it, and returns when it is done, or when ctx ends. Anybody may call it.
func (a Asks) Ask(ctx context.Context) {
	done := make(chan struct{})
	select {
	case a <- done:
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Digest tells contents apart.
type Digest [sha256.Size]byte

// DigestOf is that of several texts, which others that are the same one after the other do not
// have.
func DigestOf(texts ...[]byte) (d Digest) {
	h := sha256.New()
	for _, text := range texts {
		_ = binary.Write(h, binary.BigEndian, int64(len(text)))
		_, _ = h.Write(text)
	}
	h.Sum(d[:0])
	return d
}
