package authorize

import (
	"net/netip"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// ParseAnswer reads the body of a yes.
var ParseAnswer = parseAnswer

// SetNow sets the clock by which it is told whether there are answers.
func (a *asking) SetNow(now func() time.Time) { a.now = now }

// Askers is of how many addresses questions are under way.
func (a *asking) Askers() int {
	a.askers.mu.Lock()
	defer a.askers.mu.Unlock()
	return len(a.askers.by)
}

// FillAddress takes all places of an address, until leave is called.
func (a *asking) FillAddress(t *testing.T, address netip.Addr) (leave func()) {
	t.Helper()
	var all []func()
	for range mostOfAddress {
		one, err := a.askers.enter(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return func() {
		for _, one := range all {
			one()
		}
	}
}

// MostOfAddress is how many questions of one address are asked at a time.
const MostOfAddress = mostOfAddress

// MostAtOnce is how many channels of a request are asked about at a time.
const MostAtOnce = mostAtOnce

// MostKept is how many answers are kept.
const MostKept = mostKept

// Len is how many are, and how many remembers their order.
func (c *Cache) Len() (kept, ordered int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.by), len(c.order)
}

// ByToken is what is remembered of tokens.
type ByToken = byToken[int]

// MostTokens is of how many something is remembered.
const MostTokens = mostTokens

// Put remembers something.
func (b *byToken[V]) Put(token auth.Secret, value V, until, now time.Time) {
	b.put(token, value, until, now)
}

// Get is what is remembered of a token.
func (b *byToken[V]) Get(token auth.Secret, now time.Time) (V, bool) { return b.get(token, now) }

// Len is of how many tokens something is remembered.
func (b *byToken[V]) Len() int { return len(b.by) }

// MostStrangers is how many unknown tokens an address may show in a minute.
const MostStrangers = mostStrangers

// InBoth is a name that is of two patterns.
var InBoth = inBoth

// CheckGitHubRepo reads what GitHub says about a repository.
var CheckGitHubRepo = checkGitHubRepo

// ReadGitHubUser reads whom GitHub has by a token.
func ReadGitHubUser(body []byte) (protocol.Member, error) { return github{}.user(body) }

// Paths are those that are asked about a repository.
func (s *SourceHost) Paths(owner, repo string) (paths []string, err error) {
	about, err := s.host.repository(owner, repo)
	for _, i := range about {
		paths = append(paths, i.path)
	}
	return paths, err
}

// KeysAddress is where an issuer's keys are.
var KeysAddress = keysAddress

// Value is what the claim at i must be for a question.
func (all Claims) Value(i int, q Question) string { return all[i].value(q) }
