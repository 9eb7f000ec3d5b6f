package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// xhr is a viewer that connects as pusher-js does where there are no WebSockets
// (protocol.md 6).
type xhr struct {
	viewer *viewer
	path   string // of the session
	opened bool
	asked  int // requests so far
}

func newXHR(v *viewer) *xhr {
	return &xhr{viewer: v, path: fmt.Sprintf("/pusher/app/%s/%d/%08d/", appKey, v.id%1000, v.id)}
}

// stream reads one response after the other, each as far as pusher-js does, over a
// connection of its own: to abort a request is to close its connection.
func (x *xhr) stream(ctx context.Context) error {
	for {
		if err := x.streamOnce(ctx); err != nil {
			return err
		}
	}
}

func (x *xhr) streamOnce(ctx context.Context) error {
	conn, hangUp, err := x.viewer.dial(ctx)
	if err != nil {
		return err
	}
	defer hangUp()
	response, err := x.receive(conn, bufio.NewReaderSize(conn, viewerBuffer), "xhr_streaming") //nolint:bodyclose // it is not read to its end, and ends with the connection
	if err != nil {
		return err
	}
	lines := responseLines{in: response.Body}
	for !lines.tooLong() {
		line, err := lines.next()
		if err != nil {
			return fmt.Errorf("streaming: %w", err)
		}
		if x.opened && len(line) > 0 && line[0] == 'h' { // nothing is sent before
			if err := x.post(ctx, "[]"); err != nil {
				return err
			}
		}
		if err := x.frame(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// poll asks again as soon as it has read a response, over the same connection.
func (x *xhr) poll(ctx context.Context) error {
	conn, hangUp, err := x.viewer.dial(ctx)
	if err != nil {
		return err
	}
	defer hangUp()
	in := bufio.NewReaderSize(conn, viewerBuffer)
	var lines responseLines
	for {
		response, err := x.receive(conn, in, "xhr") //nolint:bodyclose // it is read to its end
		if err != nil {
			return err
		}
		lines.in, lines.units = response.Body, 0
		if err := x.pollOnce(ctx, &lines); err != nil {
			return err
		}
		if response.Close {
			return errors.New("polling: the connection is not kept")
		}
	}
}

// pollOnce reads a response to its end.
func (x *xhr) pollOnce(ctx context.Context, lines *responseLines) error {
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF) && lines.units > 0:
			return nil
		case err != nil:
			return fmt.Errorf("polling: %w", err)
		}
		if err := x.frame(ctx, line); err != nil {
			return err
		}
	}
}

// likeBrowser is what Chromium says of itself with a request, or as much.
const likeBrowser = "Connection: keep-alive\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\nsec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"Accept: */*\r\nOrigin: https://ci.example.com\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n" +
	"Referer: https://ci.example.com/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n" +
	"Content-Type: application/json\r\n"

// receive asks for what the session has, and returns when the response begins.
func (x *xhr) receive(conn net.Conn, in *bufio.Reader, action string) (*http.Response, error) {
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n%s\r\n",
		x.url(action)+"&protocol=7&client=js&version=8.6.0", x.viewer.server.address, likeBrowser)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", action, err)
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", action, err)
	}
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("asking for %s: %s: %s", action, response.Status, said)
	}
	x.viewer.audience.responses.Add(1)
	return response, nil
}

// url returns where an action of the session is asked for, not twice the same.
func (x *xhr) url(action string) string {
	x.asked++
	return fmt.Sprintf("%s%s?t=%d&n=%d", x.path, action, time.Now().UnixMilli(), x.asked)
}

// frame takes a line of a response.
func (x *xhr) frame(ctx context.Context, line []byte) error {
	if len(line) == 0 {
		return errBlankLine
	}
	switch kind := line[0]; {
	case kind == 'o' && !x.opened:
		x.opened = true
		return nil
	case kind == 'h':
		return nil
	case kind == 'a' && x.opened:
		send := func(text string) error {
			list, err := json.Marshal([]string{text})
			if err != nil {
				return fmt.Errorf("writing %s: %w", text, err)
			}
			return x.post(ctx, string(list))
		}
		return eachMessage(line[1:], func(text []byte) error { return x.viewer.take(text, `\"`, send) })
	default:
		return fmt.Errorf("unexpected: %.200s", line)
	}
}

// post sends a list of messages.
func (x *xhr) post(ctx context.Context, list string) error {
	a := x.viewer.audience
	scheme := "http://"
	if a.server.tls != nil {
		scheme = "https://"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, scheme+a.server.address+x.url("xhr_send"), strings.NewReader(list))
	if err != nil {
		return fmt.Errorf("sending %s: %w", list, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", "https://ci.example.com")
	response, err := a.posts.Do(request)
	if err != nil {
		return fmt.Errorf("sending %s: %w", list, err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("sending %s: %s: %s", list, response.Status, said)
	}
	return nil
}
