package transport

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
	"buildrelay/relay/tlsclient"
)

const (
	// forwardedBy is the header by which a node says that it sends a request on.
	forwardedBy = "X-Relay-Forwarded"
	// peerDial is how long a connection to another node may take.
	peerDial = 2 * time.Second
	// peerAnswer is how long another node may take to answer what a client sends, where
	// nothing else is set.
	peerAnswer = 10 * time.Second
	// peerIdle and peerIdleTime are how many connections to a node are kept that have
	// nothing to do, and for how long. The node keeps them for longer.
	peerIdle     = 100
	peerIdleTime = time.Minute
	// peerHeader is how many bytes of an answer's header are read.
	peerHeader = 64 << 10
)

// PeersConfig says how the other nodes of a cluster are asked.
type PeersConfig struct {
	// Cluster signs what is sent on.
	Cluster *auth.Cluster
	Metrics *metrics.Metrics
	Log     *slog.Logger
	// WriteTimeout is how long a client may take nothing of what is sent to it before it is
	// cut off.
	WriteTimeout time.Duration
	// Silence is how long a node may say nothing to a receive request: longer than the
	// heartbeat, and than the WriteTimeout, for which a response may be left as it is.
	Silence time.Duration
	// Answer is how long a node may take to answer what a client sends; 0 means 10 s.
	Answer time.Duration
	// RootCAs returns the authorities of the nodes' certificates, which may be others with each
	// request; nil, as what it returns, means the system's.
	RootCAs func() *x509.CertPool
}

// Peers are the other nodes of a cluster: requests go on to the one that has their session.
type Peers struct {
	PeersConfig
	transport *tlsclient.Transport

	mu       sync.Mutex
	leaving  bool
	forwards map[*forward]struct{} // receive requests that are under way
	// warned is when it was last logged that something is wrong with another node.
	warned time.Time
}

// NewPeers returns the nodes that share the cluster's secret. No connection is made before
// there is a request for one.
func NewPeers(config PeersConfig) *Peers {
	config.Answer = cmp.Or(config.Answer, peerAnswer)
	dialer := &net.Dialer{Timeout: peerDial}
	base := &http.Transport{
		Proxy:                  nil, // whatever the environment says
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    peerDial,
		DisableCompression:     true,
		MaxResponseHeaderBytes: peerHeader,
		MaxIdleConnsPerHost:    peerIdle,
		IdleConnTimeout:        peerIdleTime,
	}
	return &Peers{
		PeersConfig: config, forwards: make(map[*forward]struct{}),
		transport: tlsclient.New(base, tlsclient.Trust{Roots: config.RootCAs}),
	}
}

// Close lets go of the connections that have nothing to do. No request may come any more.
func (p *Peers) Close() { p.transport.CloseIdleConnections() }

var errForwarded = errors.New("a request says more than once that a node sent it on")

// Forwarded says whether a node of the cluster sent the request on: such a request opens no
// session and goes no further. A signature that does not hold is an error.
func (p *Peers) Forwarded(r *http.Request, body []byte) (bool, error) {
	said := r.Header.Values(forwardedBy)
	switch len(said) {
	case 0:
		return false, nil
	case 1:
		err := p.Cluster.CheckForward(said[0], r.Method, r.RequestURI, body, time.Now())
		if errors.Is(err, auth.ErrForwardTime) && p.mayWarn() {
			p.Log.Warn("what another node sends on is refused", "error", err)
		}
		return err == nil, err
	default:
		return false, errForwarded
	}
}

// Leave is for a node that ends: clients whose receive requests it has sent on are asked to
// come again, which takes them to another node. It does not wait for that.
func (p *Peers) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaving = true
	for f := range p.forwards {
		f.leave()
	}
}

// enter notes a receive request.
func (p *Peers) enter(f *forward) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forwards[f] = struct{}{}
	if p.leaving {
		f.leave()
	}
}

func (p *Peers) exit(f *forward) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.forwards, f)
}

// failed notes that a node could not be reached.
func (p *Peers) failed(node string, err error) {
	p.Metrics.SessionsForwarded.WithLabelValues("failed").Inc()
	p.transport.CloseIdleConnections() // they may be as dead
	if p.mayWarn() {
		p.Log.Warn("another node cannot be reached", "node", node, "error", err)
	}
}

// mayWarn says whether it is time for a warning: there is one a second.
func (p *Peers) mayWarn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.warned) <= time.Second {
		return false
	}
	p.warned = now
	return true
}
