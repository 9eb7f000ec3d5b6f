package relaytest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// XHRClient is a client of the HTTP fallback: it does what pusher-js does (protocol.md,
// section 6) and what its test says. It fails the test at what makes pusher-js fail, too:
// an empty line, an element that is no string, a second o.
type XHRClient struct {
	*Client
	// Session is the last part but one of its URLs, such as 417/9k2vd0ab.
	Session string

	// Static.

	options XHROptions
	http    *http.Client
	// begin returns a context that ends with Cut.
	begin func() (context.Context, context.CancelFunc)
	stop  context.CancelFunc

	asked atomic.Int64 // how many requests were made, the n of their URLs
	work  sync.WaitGroup

	mu       sync.Mutex
	base     string      // of its URLs, up to the session
	current  *XHRRequest // what it listens to, nil while it does not ask
	requests []*XHRRequest
	opened   bool          // o came
	over     bool          // nothing is asked for any more
	paused   chan struct{} // closed when it reads again; nil while it reads
}

// XHROptions says how an XHRClient behaves. The zero value is an ordinary one that streams.
type XHROptions struct {
	// Polling makes it ask with xhr instead of xhr_streaming.
	Polling bool
	// Session is what it calls its session; empty means a new one.
	Session string
	// Query is that of receive requests before t and n; empty means that of pusher-js 8.6.0.
	Query  string
	Header http.Header // of all requests
	TLS    *tls.Config // for https
	// Deaf makes it ask but not read before Hear.
	Deaf bool
	// Mute makes it leave heartbeats unanswered.
	Mute bool
	// Stays makes it keep to a response that is too long: Again is for its test to call.
	Stays bool
}

// DialXHR begins a session at url, that of an app: http://host/pusher/app/KEY. It asks, and
// does not wait for the answer.
func DialXHR(t testing.TB, url string, options XHROptions) *XHRClient {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	c := &XHRClient{Session: options.Session, options: options, base: url, stop: stop}
	c.Client = newClient(t, c.sendMessage)
	c.begin = func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }
	c.http = &http.Client{Transport: &http.Transport{TLSClientConfig: options.TLS, DisableCompression: true}}
	if c.Session == "" {
		c.Session = NewSession()
	}
	if options.Query == "" {
		c.options.Query = "protocol=7&client=js&version=8.6.0"
	}
	if options.Deaf {
		c.Pause()
	}
	t.Cleanup(c.Cut)
	c.Again()
	return c
}

// NewSession is a name as pusher-js makes them for its sessions.
func NewSession() string {
	letters := make([]byte, 8)
	for i := range letters {
		letters[i] = strconv.FormatInt(rand.Int64N(32), 32)[0]
	}
	return strconv.Itoa(rand.IntN(1000)) + "/" + string(letters)
}

// Again asks again: what it listened to is aborted. At a response that is too long, and
// when a poll has ended, a client does that by itself.
func (c *XHRClient) Again() {
	if before := c.ask(); before != nil {
		before.cancel()
	}
}

// Beside asks again, but leaves the request before as it is, as if its abort was late.
// That is returned, nil if there is none.
func (c *XHRClient) Beside() *XHRRequest { return c.ask() }

// Abort ends the request that it listens to, and asks no more.
func (c *XHRClient) Abort() {
	c.mu.Lock()
	before := c.current
	c.current = nil
	c.mu.Unlock()
	if before != nil {
		before.cancel()
	}
}

// Pause makes it stop reading: a line that is on its way may still be taken.
func (c *XHRClient) Pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused == nil {
		c.paused = make(chan struct{})
	}
}

// Hear makes it read after it was deaf or paused.
func (c *XHRClient) Hear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused != nil {
		close(c.paused)
		c.paused = nil
	}
}

// Cut ends everything without a word, and waits for it. The session lives on for as long as
// the relay waits for a client that lost its connection.
func (c *XHRClient) Cut() {
	c.mu.Lock()
	c.over, c.current = true, nil
	c.mu.Unlock()
	c.stop()
	c.work.Wait()
	c.http.CloseIdleConnections()
	c.came.end()
	for _, r := range c.came.all()[c.next:] {
		if r.Kind == "garbage" {
			c.t.Errorf("pusher-js fails at %s\n%s", r, c.said())
		}
	}
}

// Responses are the answers to its receive requests so far, from the first on.
func (c *XHRClient) Responses() []XHRResponse {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]XHRResponse, len(c.requests))
	for i, r := range c.requests {
		all[i] = r.response
	}
	return all
}

// Post sends body to xhr_send as it is, and returns the answer.
func (c *XHRClient) Post(body string) (status int, reply string) {
	c.t.Helper()
	status, reply, err := c.post(body)
	if err != nil {
		c.t.Fatalf("sending %.200s: %v", body, err)
	}
	return status, reply
}

// sendMessage waits until the relay has taken the message: browsers do not, and their
// messages may overtake each other.
func (c *XHRClient) sendMessage(text string) error {
	status, reply, err := c.post("[" + encode(c.t, text) + "]")
	if err == nil && (status != http.StatusNoContent || reply != "") {
		err = fmt.Errorf("answered by %d %q", status, reply)
	}
	return err
}

func (c *XHRClient) post(body string) (status int, reply string, err error) {
	ctx, cancel := c.begin()
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, Patience)
	defer cancel()
	response, err := c.request(ctx, "xhr_send?", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// request makes a URL that was never asked for, as pusher-js does, and asks for it.
func (c *XHRClient) request(ctx context.Context, action string, body io.Reader) (*http.Response, error) {
	c.mu.Lock()
	base := c.base
	c.mu.Unlock()
	target := fmt.Sprintf("%s/%s/%st=%d&n=%d", base, c.Session, action, time.Now().UnixMilli(), c.asked.Add(1))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, body)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	for name, values := range c.options.Header {
		request.Header[name] = values
	}
	return c.http.Do(request)
}

// moveTo makes hostname the host of its URLs, as o with a hostname does. The caller holds mu.
func (c *XHRClient) moveTo(hostname string) error {
	base, err := url.Parse(c.base)
	if err != nil {
		return err
	}
	base.Host = hostname + ":" + base.Port()
	c.base = base.String()
	return nil
}
