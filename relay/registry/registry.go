package registry

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
)

// Config says where sessions are kept, and whose. All fields up to Log are required.
type Config struct {
	// Redis is where Redis is.
	Redis *redisconn.Servers
	// Prefix begins the names of all keys. In a Cluster it must have a hash tag: all keys
	// are in one slot.
	Prefix string
	// URL is where other nodes reach this one; it must pass [CheckURL].
	URL *url.URL
	// Cluster signs what is kept.
	Cluster *auth.Cluster
	Metrics *metrics.Metrics
	Log     *slog.Logger

	// Lease is for how long a session belongs to a node that says nothing (60 s), and
	// Refresh how often it says that it does (20 s). They are for tests.
	Lease, Refresh time.Duration
}

const (
	// askTime is how long a claim or a question may take.
	askTime = 2 * time.Second
	// mostAsks is how many may wait.
	mostAsks = 1000
)

// Registry knows which node has which session. A session is named by "key/server/id", as in
// its URLs.
type Registry struct {
	// Static.
	config Config
	script redisconn.Script
	self   string // the URL of this node
	mark   string // the key that says whether Redis has lost anything
	log    *slog.Logger

	sessions sessions
	// asks are what Run is to ask Redis.
	asks chan *ask
	// away says that Redis cannot be asked, ended is closed when Run has returned.
	away  atomic.Bool
	ended chan struct{}
}

// New returns a registry that waits for Run.
func New(config Config) *Registry {
	logging.Disable() // go-redis prints to stderr what it returns as errors, too
	config.Lease = cmp.Or(config.Lease, time.Minute)
	config.Refresh = cmp.Or(config.Refresh, 20*time.Second)
	return &Registry{
		config: config, script: redisconn.NewScript(release), self: config.URL.String(), mark: config.Prefix + ":~node:" + rand.Text(), log: config.Log,
		sessions: newSessions(), asks: make(chan *ask, mostAsks), ended: make(chan struct{}),
	}
}

// Claim makes this node the session's, unless another node is it: then that one's URL is
// returned, else nil. After an error the session is this node's, too, and Redis is told as
// soon as it can be. So where no URL is returned, the session must be given up by
// [Registry.Release]. It waits for Redis for two seconds at the most, and not at all while
// Redis is known to be away.
func (r *Registry) Claim(ctx context.Context, session string) (*url.URL, error) {
	a := newAsk(session, true)
	owner, err := r.ask(ctx, a)
	if err != nil {
		r.sessions.claimedAlone(a)
		return nil, fmt.Errorf("claiming a session: %w", err)
	}
	return owner, nil
}

// Owner returns the URL of the node that has the session, nil if none does or this one. It
// waits for Redis as Claim does.
func (r *Registry) Owner(ctx context.Context, session string) (*url.URL, error) {
	if r.sessions.has(session) {
		return nil, nil
	}
	owner, err := r.ask(ctx, newAsk(session, false))
	if err != nil {
		return nil, fmt.Errorf("asking whose a session is: %w", err)
	}
	return owner, nil
}

// Release gives a session of this node up. It does not block.
func (r *Registry) Release(session string) { r.sessions.release(session) }

// ask is a claim or a question, which Run asks Redis.
type ask struct {
	session string
	claims  bool
	answer  chan answer // has room for one
	// abandoned says that nobody waits for the answer. Guarded by sessions.mu.
	abandoned bool
}

// answer is another node that has the session, if any, or what was wrong.
type answer struct {
	owner *url.URL
	err   error
}

func newAsk(session string, claims bool) *ask {
	return &ask{session: session, claims: claims, answer: make(chan answer, 1)}
}

var (
	errAway  = errors.New("Redis is away")
	errEnded = errors.New("this node is ending")
)

// ask has Run ask Redis, and waits for the answer.
func (r *Registry) ask(ctx context.Context, a *ask) (*url.URL, error) {
	if r.away.Load() {
		return nil, errAway
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	select {
	case r.asks <- a:
	case <-r.ended:
		return nil, errEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case answer := <-a.answer:
		return answer.owner, answer.err
	case <-r.ended:
		return nil, errEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *Registry) key(name string) string { return r.config.Prefix + ":~session:" + name }

func (r *Registry) value(name string) string {
	return r.self + " " + r.config.Cluster.SignOwner(name, r.self)
}
