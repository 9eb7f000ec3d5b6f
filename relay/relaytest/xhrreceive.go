package relaytest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// maxUnits is the length of a response, in UTF-16 units, after which pusher-js asks anew.
const maxUnits = 256 << 10

// preludeLength is how many h every streaming response begins with.
const preludeLength = 2048

// XHRRequest is a receive request of an [XHRClient].
type XHRRequest struct {
	client *XHRClient
	cancel context.CancelFunc
	done   <-chan struct{} // closed by cancel
	ended  chan struct{}

	// The client's mu guards these.

	response XHRResponse
	unheard  []string // lines that came when the client no longer listened
}

// XHRResponse is what came of a receive request.
type XHRResponse struct {
	Status int         // 0 before the answer has begun
	Header http.Header // of the answer
	Opened bool        // o was in it
	Frames int         // lines, without the prelude
	Units  int         // length in UTF-16 units
	Ended  bool        // by the relay, while the client listened
}

// ExpectEnd waits until the relay has ended a response that nobody listens to any more, and
// returns what came on it all the same.
func (r *XHRRequest) ExpectEnd() (unheard []string) {
	c := r.client
	c.t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	select {
	case <-r.ended:
	case <-deadline.C:
		c.t.Fatal("a response that was replaced does not end")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.unheard
}

// ask makes a receive request and listens to it alone. It returns what it listened to
// before.
func (c *XHRClient) ask() *XHRRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.current
	if c.over {
		return before
	}
	ctx, cancel := c.begin()
	r := &XHRRequest{client: c, cancel: cancel, done: ctx.Done(), ended: make(chan struct{})}
	c.current = r
	c.requests = append(c.requests, r)
	action := "xhr_streaming?"
	if c.options.Polling {
		action = "xhr?"
	}
	c.work.Go(func() {
		defer close(r.ended)
		defer cancel()
		response, err := c.request(ctx, action+c.options.Query+"&", nil)
		c.follow(r, response, err) //nolint:contextcheck // the request that may follow is no part of this one
	})
	return before
}

// follow reads a response to its end, line by line.
func (c *XHRClient) follow(r *XHRRequest, response *http.Response, err error) {
	if err != nil {
		c.finish(r, "", err)
		return
	}
	defer response.Body.Close()
	c.mu.Lock()
	r.response.Status, r.response.Header = response.StatusCode, response.Header
	c.mu.Unlock()
	body := bufio.NewReaderSize(response.Body, 64<<10)
	for c.hears(r) {
		line, err := body.ReadString('\n')
		if err != nil {
			c.finish(r, line, err)
			return
		}
		if full := c.take(r, line); full && body.Buffered() == 0 && !c.options.Stays {
			c.Again()
		}
	}
}

// hears waits while the client is paused; it returns false if the request was aborted.
func (c *XHRClient) hears(r *XHRRequest) bool {
	c.mu.Lock()
	paused := c.paused
	c.mu.Unlock()
	if paused != nil {
		select {
		case <-paused:
		case <-r.done:
		}
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// finish is what a client does when a response has ended: rest is what came behind the last
// line.
func (c *XHRClient) finish(r *XHRRequest, rest string, err error) {
	c.mu.Lock()
	heard, status := c.current == r, r.response.Status
	r.response.Ended = heard && errors.Is(err, io.EOF)
	r.response.Units += units(rest)
	switch {
	case !heard:
	case !r.response.Ended:
		c.end(Received{Kind: "cut", Text: err.Error()})
	case rest != "":
		c.end(Received{Kind: "garbage", Text: "a line without an end: " + rest})
	case status != http.StatusOK || !c.options.Polling:
		c.end(Received{Kind: "cut", Text: "Connection interrupted (" + http.StatusText(status) + ")"})
	}
	c.mu.Unlock()
	if heard {
		c.Again()
	}
}

// end is the last thing that comes. The caller holds mu.
func (c *XHRClient) end(r Received) {
	c.came.add(r)
	c.came.end()
	c.over, c.current = true, nil
}

// take takes a line of a response, and says whether that is so long that a client asks anew.
func (c *XHRClient) take(r *XHRRequest, line string) (full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := r.response.Units == 0
	r.response.Units += units(line)
	line = strings.TrimSuffix(line, "\n")
	switch {
	case c.current != r:
		r.unheard = append(r.unheard, line)
		return false
	case r.response.Status != http.StatusOK:
		return false // pusher-js does not look at it
	case first && !c.options.Polling:
		c.takePrelude(line)
	default:
		r.response.Frames++
		if fault := c.takeFrame(r, line); fault != "" {
			c.end(Received{Kind: "garbage", Text: fault + ": " + line})
		}
	}
	if c.over {
		r.cancel()
	}
	return r.response.Units > maxUnits && !c.over
}

func (c *XHRClient) takePrelude(line string) {
	if line != strings.Repeat("h", preludeLength) {
		c.end(Received{Kind: "garbage", Text: "another prelude: " + line})
		return
	}
	c.takeHeartbeat()
}

// takeFrame does what pusher-js does with a frame. It returns what is wrong with it. The
// caller holds mu.
func (c *XHRClient) takeFrame(r *XHRRequest, frame string) (fault string) {
	kind, rest := frame, ""
	if frame != "" {
		kind, rest = frame[:1], frame[1:]
	}
	switch {
	case !utf8.ValidString(frame):
		return "no UTF-8"
	case frame == "h":
		c.came.add(Received{Kind: "heartbeat"})
		c.takeHeartbeat()
		return ""
	case kind == "o":
		return c.takeOpen(r, rest)
	case !c.opened:
		return "something before o"
	case kind == "a":
		return c.takeMessages(rest)
	case kind == "m":
		return c.takeMessages("[" + rest + "]")
	case kind == "c":
		return c.takeClose(rest)
	default:
		return "no frame"
	}
}

// takeHeartbeat answers where pusher-js does. The caller holds mu.
func (c *XHRClient) takeHeartbeat() {
	if c.options.Polling || c.options.Mute || !c.opened {
		return
	}
	c.work.Go(func() {
		// A relay that is gone, or has lost the session, shows elsewhere.
		status, reply, err := c.post("[]")
		if err == nil && status != http.StatusNoContent && status != http.StatusNotFound {
			c.t.Errorf("the answer to a heartbeat is answered by %d %s", status, reply)
		}
	})
}

// The three have the caller hold mu.

func (c *XHRClient) takeOpen(r *XHRRequest, rest string) (fault string) {
	if c.opened {
		return "Server lost session"
	}
	var options struct {
		Hostname string `json:"hostname"`
	}
	if rest != "" {
		if err := json.Unmarshal([]byte(rest), &options); err != nil {
			return err.Error()
		}
	}
	if options.Hostname != "" {
		if err := c.moveTo(options.Hostname); err != nil {
			return err.Error()
		}
	}
	c.opened, r.response.Opened = true, true
	c.came.add(Received{Kind: "open", Text: options.Hostname})
	return ""
}

func (c *XHRClient) takeMessages(list string) (fault string) {
	var messages []*string
	if err := json.Unmarshal([]byte(list), &messages); err != nil {
		return err.Error()
	}
	for _, message := range messages {
		if message == nil {
			return "an element that is no string"
		}
		c.came.add(parseReceived([]byte(*message)))
	}
	if len(messages) == 0 {
		c.came.add(Received{Kind: "nothing"})
	}
	return ""
}

func (c *XHRClient) takeClose(rest string) (fault string) {
	var code int
	var reason string
	if err := json.Unmarshal([]byte(rest), &[]any{&code, &reason}); err != nil {
		return err.Error()
	}
	c.end(Received{Kind: "close", Code: code, Text: reason})
	return ""
}

// units is the length of a text in JavaScript.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += max(1, utf16.RuneLen(r)) // what is no UTF-8 becomes U+FFFD
	}
	return n
}
