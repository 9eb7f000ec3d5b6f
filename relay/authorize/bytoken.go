package authorize

import (
	"crypto/sha256"
	"sync"
	"time"

	"buildrelay/auth"
)

// mostTokens is of how many tokens something is remembered.
const mostTokens = 5000

// byToken is what is remembered of tokens, each for a while. A token itself is not kept. The zero
// value is ready, and safe for concurrent use.
type byToken[V any] struct {
	mu sync.Mutex
	by map[[sha256.Size]byte]remembered[V] // by a digest
}

type remembered[V any] struct {
	value V
	until time.Time
}

func (b *byToken[V]) get(token auth.Secret, now time.Time) (value V, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.by[sha256.Sum256([]byte(token))]; now.Before(r.until) {
		return r.value, true
	}
	return value, false
}

// put remembers what is known of a token. Where that is of too many what is over goes, or else any.
func (b *byToken[V]) put(token auth.Secret, value V, until, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = make(map[[sha256.Size]byte]remembered[V])
	}
	if len(b.by) >= mostTokens {
		b.makeRoom(now)
	}
	b.by[sha256.Sum256([]byte(token))] = remembered[V]{value, until}
}

func (b *byToken[V]) makeRoom(now time.Time) {
	for digest, r := range b.by {
		if !now.Before(r.until) {
			delete(b.by, digest)
		}
	}
	for digest := range b.by {
		if len(b.by) < mostTokens {
			return
		}
		delete(b.by, digest)
	}
}
