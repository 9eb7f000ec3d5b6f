package relaytest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// HTTPProxy is a proxy in front of a relay, of the kind that companies have, which
// notes what it is asked. It serves TLS where the relay does.
type HTTPProxy struct {
	habits   HTTPProxyHabits
	listener net.Listener
	server   *http.Server
	forward  *httputil.ReverseProxy
	closed   chan struct{}

	mu    sync.Mutex
	asked []Asked
}

// HTTPProxyHabits says what the proxy does not do as it should. The zero value is a
// good proxy.
type HTTPProxyHabits struct {
	// RefuseUpgrades is the status that a WebSocket's handshake is answered with.
	RefuseUpgrades int
	// IgnoreUpgrades leaves handshakes without any answer.
	IgnoreUpgrades bool
	// SwallowFrames lets handshakes through, and nothing that comes after.
	SwallowFrames bool
	// HoldStreams holds every response back until it is complete.
	HoldStreams bool
}

// Asked is a request that the proxy was sent.
type Asked struct {
	Path    string
	Upgrade bool
}

// Action is the last part of the path: of the HTTP fallback xhr_streaming, xhr or
// xhr_send.
func (a Asked) Action() string { return a.Path[strings.LastIndex(a.Path, "/")+1:] }

// StartHTTPProxy returns a proxy to r that forwards until the test ends.
func StartHTTPProxy(t testing.TB, r *Relay, habits HTTPProxyHabits) *HTTPProxy {
	t.Helper()
	target, err := url.Parse(r.URL())
	if err != nil {
		t.Fatalf("the relay's address: %v", err)
	}
	p := &HTTPProxy{habits: habits, closed: make(chan struct{})}
	transport := &http.Transport{}
	if r.Certs != nil {
		transport.TLSClientConfig = r.Certs.Client()
	}
	p.forward = &httputil.ReverseProxy{
		Rewrite:        func(pr *httputil.ProxyRequest) { pr.SetURL(target); pr.SetXForwarded() },
		Transport:      transport,
		FlushInterval:  -1, // at once
		ModifyResponse: p.treat,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p.serve(t, r.Certs)
	t.Cleanup(transport.CloseIdleConnections)
	return p
}

func (p *HTTPProxy) serve(t testing.TB, certs *Certs) {
	t.Helper()
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatalf("starting a proxy: %v", err)
	}
	p.server = &http.Server{Handler: p}
	var serving sync.WaitGroup
	serving.Go(func() {
		if certs != nil {
			_ = p.server.ServeTLS(p.listener, certs.CertFile, certs.KeyFile) // it ends when it is closed
			return
		}
		_ = p.server.Serve(p.listener)
	})
	t.Cleanup(func() {
		close(p.closed)
		_ = p.server.Close()
		serving.Wait()
	})
}

// Address is where the proxy listens.
func (p *HTTPProxy) Address() string { return p.listener.Addr().String() }

// Asked are all requests so far.
func (p *HTTPProxy) Asked() []Asked {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Asked(nil), p.asked...)
}

// Rotations is how often a session of the HTTP fallback asked for another response to
// receive by the action, after its first.
func (p *HTTPProxy) Rotations(action string) (n int) {
	sessions := make(map[string]bool)
	for _, a := range p.Asked() {
		if a.Action() != action {
			continue
		}
		if sessions[a.Path] {
			n++
		}
		sessions[a.Path] = true
	}
	return n
}

// ServeHTTP forwards a request, or does with it what the proxy's habit is.
func (p *HTTPProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrade := r.Header.Get("Upgrade") != ""
	p.note(Asked{Path: r.URL.Path, Upgrade: upgrade})
	switch {
	case upgrade && p.habits.RefuseUpgrades != 0:
		w.WriteHeader(p.habits.RefuseUpgrades)
	case upgrade && p.habits.IgnoreUpgrades:
		<-r.Context().Done() // it has gone, or the proxy has closed the connection
		panic(http.ErrAbortHandler)
	default:
		p.forward.ServeHTTP(w, r)
	}
}

func (p *HTTPProxy) note(a Asked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, a)
}

// treat changes the relay's responses.
func (p *HTTPProxy) treat(response *http.Response) error {
	if response.StatusCode == http.StatusSwitchingProtocols {
		if p.habits.SwallowFrames {
			return p.swallow(response)
		}
		return nil
	}
	if !p.habits.HoldStreams {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	response.Body = io.NopCloser(strings.NewReader(string(body)))
	return nil
}

// swallow has the frames of a connection that was upgraded go nowhere.
func (p *HTTPProxy) swallow(response *http.Response) error {
	conn, ok := response.Body.(io.ReadWriteCloser)
	if !ok {
		return errors.New("this is no connection")
	}
	response.Body = &hole{conn: conn, gone: p.closed, closed: make(chan struct{})}
	return nil
}

// hole is a connection that takes everything and gives nothing.
type hole struct {
	conn    io.Closer
	gone    <-chan struct{}
	closed  chan struct{}
	closing sync.Once
}

func (h *hole) Read([]byte) (int, error) {
	select {
	case <-h.closed:
	case <-h.gone:
	}
	return 0, io.EOF
}

func (h *hole) Write(b []byte) (int, error) { return len(b), nil }

func (h *hole) Close() error {
	h.closing.Do(func() { close(h.closed) })
	return h.conn.Close()
}
