package faults

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/gorilla/websocket"

	"buildrelay/relay/relaytest"
)

// maxUnits is the length of a response, in UTF-16 units, after which pusher-js asks anew.
const maxUnits = 256 << 10

// xhrSocket is a session of the HTTP fallback.
type xhrSocket struct {
	client   *http.Client
	cancel   context.CancelFunc
	begin    func(method, url string, body io.Reader) (*http.Request, error)
	url      string // of the session
	polling  bool
	socketID string
	asked    int // how many requests were made

	response *http.Response // nil while it does not ask
	body     *bufio.Reader
	units    int      // of the response, so far
	waiting  []string // messages that came and were not asked for yet
}

// dialXHR begins a session of the app at url, as relay.FallbackURL is, over the wire. It ends
// with ctx.
func dialXHR(ctx context.Context, url string, config *tls.Config, w *wire, polling bool) (*xhrSocket, error) {
	ctx, cancel := context.WithCancel(ctx)
	transport := &http.Transport{TLSClientConfig: config, DialContext: w.dial, DisableCompression: true}
	s := &xhrSocket{client: &http.Client{Transport: transport}, cancel: cancel, url: url + "/" + relaytest.NewSession(), polling: polling}
	s.begin = func(method, url string, body io.Reader) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, method, url, body)
	}
	f, err := s.next()
	if err == nil {
		s.socketID, err = socketIDOf(f)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *xhrSocket) id() string { return s.socketID }

// next reads lines of responses until one has messages.
func (s *xhrSocket) next() (frame, error) {
	for len(s.waiting) == 0 {
		if err := s.read(); err != nil {
			return frame{}, err
		}
	}
	message := s.waiting[0]
	s.waiting = s.waiting[1:]
	return parseFrame([]byte(message))
}

// read reads one line, and asks where no response is there.
func (s *xhrSocket) read() error {
	if s.response == nil {
		if err := s.ask(); err != nil {
			return err
		}
	}
	line, err := s.body.ReadString('\n')
	first := s.units == 0
	s.units += units(line)
	switch {
	case errors.Is(err, io.EOF) && line == "" && s.polling && s.response.StatusCode == http.StatusOK:
		s.leave()
		return nil
	case err != nil:
		return fmt.Errorf("reading a response: %w", err)
	case s.response.StatusCode != http.StatusOK:
		return fmt.Errorf("the relay answers %s", s.response.Status)
	case first && !s.polling:
		return nil // what proxies hold back
	}
	if err := s.take(strings.TrimSuffix(line, "\n")); err != nil {
		return err
	}
	if s.units > maxUnits {
		s.leave()
	}
	return nil
}

// ask makes a receive request.
func (s *xhrSocket) ask() error {
	action := "xhr_streaming"
	if s.polling {
		action = "xhr"
	}
	response, err := s.post(action+"?protocol=7&client=js&version=8.6.0&", nil) //nolint:bodyclose // leave does
	if err != nil {
		return err
	}
	s.response, s.body, s.units = response, bufio.NewReader(response.Body), 0
	return nil
}

func (s *xhrSocket) leave() {
	if s.response != nil {
		_ = s.response.Body.Close()
		s.response = nil
	}
}

// take takes a frame.
func (s *xhrSocket) take(line string) error {
	kind, rest := line, ""
	if line != "" {
		kind, rest = line[:1], line[1:]
	}
	switch kind {
	case "o":
		return nil
	case "a":
		return json.Unmarshal([]byte(rest), &s.waiting)
	case "h":
		if s.polling {
			return nil
		}
		return s.deliver("[]")
	case "c":
		closed := &websocket.CloseError{}
		if err := json.Unmarshal([]byte(rest), &[]any{&closed.Code, &closed.Text}); err != nil {
			return fmt.Errorf("reading a close: %w", err)
		}
		return closed
	default:
		return fmt.Errorf("%.80q is no frame", line)
	}
}

func (s *xhrSocket) send(text string) error {
	body, err := json.Marshal([]string{text})
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	return s.deliver(string(body))
}

// deliver posts messages and waits until they are taken.
func (s *xhrSocket) deliver(body string) error {
	response, err := s.post("xhr_send?", []byte(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("sending is answered by %s", response.Status)
	}
	return nil
}

func (s *xhrSocket) post(action string, body []byte) (*http.Response, error) {
	s.asked++
	url := fmt.Sprintf("%s/%st=%d&n=%d", s.url, action, time.Now().UnixMilli(), s.asked)
	request, err := s.begin(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", action, err)
	}
	return response, nil
}

func (s *xhrSocket) close() {
	s.leave()
	s.cancel()
	s.client.CloseIdleConnections()
}

// units is the length of a text in JavaScript.
func units(text string) (n int) {
	for _, r := range text {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}
