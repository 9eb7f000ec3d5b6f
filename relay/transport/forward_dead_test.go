package transport_test

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// Whatever is wrong with an owner, the client is told that its session is not there.
func TestAnOwnerThatCannotBeReachedHasNoSessions(t *testing.T) {
	for name, owner := range map[string]func(t *testing.T) string{
		"nobody listens":          deaf,
		"connections are dropped": blackHole,
		"TLS is not answered":     func(t *testing.T) string { return "https" + strings.TrimPrefix(listener(t, ""), "http") },
		"it says nothing":         func(t *testing.T) string { return listener(t, "") },
		"it says nonsense":        func(t *testing.T) string { return listener(t, "SSH-2.0-x\r\n\r\n") },
		"its header is endless":   func(t *testing.T) string { return listener(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)) },
		"it is no TLS": func(t *testing.T) string {
			return "https" + strings.TrimPrefix(listener(t, "HTTP/1.1 200 OK\r\n\r\n"), "http")
		},
		"its name is unknown": func(*testing.T) string { return "http://nowhere.invalid" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, owner(t), impatient)
			for i, action := range []string{"xhr", "xhr_streaming", "xhr_send"} {
				r := e.post(action, "")
				if r.status != "404 Not Found" {
					t.Errorf("%s: %s", action, r.status)
				}
				if origin := r.header.Values("Access-Control-Allow-Origin"); len(origin) != 1 || origin[0] != "https://page.example.com" {
					t.Errorf("%s: the page may not read the answer: %q", action, origin)
				}
				e.counted("failed", i+1)
			}
			e.counted("answered", 0)
		})
	}
}

func impatient(c *transport.PeersConfig) {
	c.Silence, c.Answer = 300*time.Millisecond, 200*time.Millisecond
}

// deaf is an address that nobody listens on.
func deaf(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "http://" + ln.Addr().String()
}

// blackHole is an address at which the kernel drops connections: nobody accepts them, and
// the queue is full.
func blackHole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(at.(*syscall.SockaddrInet4).Port)
	for range 10 {
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return "http://" + address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the queue never fills")
	return ""
}

// listener accepts connections, says the same on each of them when it is asked something,
// and leaves them open.
func listener(t *testing.T, greeting string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting, talking sync.WaitGroup
	end := make(chan struct{})
	accepting.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			talking.Go(func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 1)) // the request
				_, _ = io.WriteString(conn, greeting)
				<-end
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		accepting.Wait()
		close(end)
		talking.Wait()
	})
	return "http://" + ln.Addr().String()
}

// An owner that goes silent in the middle of a response is given up, and the client with it.
func TestAnOwnerThatFallsSilentIsGivenUp(t *testing.T) {
	over := make(chan struct{})
	owner := newOwner(t, func(w http.ResponseWriter, r *http.Request) {
		say(w, "o\n")
		<-r.Context().Done()
		close(over)
	})
	from := newEdge(t, owner, impatient).post("xhr_streaming", "").body
	expectLine(t, from, "o")
	if rest, err := io.ReadAll(from); err == nil {
		t.Errorf("it ends well: %q", rest)
	}
	expectDone(t, "the owner's request is over", over)
}

// A node that ends sends its clients elsewhere: polls end as after a heartbeat, so that
// nothing is lost, and streams are closed with a code that has clients return at once.
func TestClientsAreSentElsewhere(t *testing.T) {
	const restarting = `c[4200,"Server is restarting, reconnect immediately"]`
	t.Run("a poll", func(t *testing.T) {
		e, o := newHeld(t)
		answered := make(chan string, 1)
		go func() { answered <- e.answer("xhr", "") }() // the test waits for the answer
		<-o.asked
		e.peers.Leave()
		expectDone(t, "the owner's request is over", o.over)
		if got := <-answered; got != "200 OK h\n" {
			t.Errorf("got %q", got)
		}
		if got := e.answer("xhr", ""); got != "200 OK h\n" {
			t.Errorf("the next: got %q", got)
		}
	})
	t.Run("a stream", func(t *testing.T) {
		e, o := newHeld(t)
		from := e.post("xhr_streaming", "say").body
		o.say <- "hhh\n"
		expectLine(t, from, "hhh")
		e.peers.Leave()
		expectDone(t, "the owner's request is over", o.over)
		expectLine(t, from, restarting)
		if rest, err := io.ReadAll(from); err != nil || len(rest) > 0 {
			t.Errorf("then comes %q, %v", rest, err)
		}
		if got := e.answer("xhr_streaming", ""); got != "200 OK "+restarting+"\n" {
			t.Errorf("the next: got %q", got)
		}
	})
	t.Run("a stream within a frame", func(t *testing.T) {
		e, o := newHeld(t)
		from := e.post("xhr_streaming", "say").body
		o.say <- "hhh\na[1"
		expectLine(t, from, "hhh")
		if _, err := from.Peek(len("a[1")); err != nil {
			t.Fatal(err)
		}
		e.peers.Leave()
		o.say <- "]\n"
		expectLine(t, from, "a[1]")
		expectLine(t, from, restarting)
		expectDone(t, "the owner's request is over", o.over)
	})
	t.Run("what clients send is sent on", func(t *testing.T) {
		e, o := newHeld(t)
		answered := make(chan string, 1)
		go func() { answered <- e.answer("xhr_send", "say") }() // the test waits for the answer
		<-o.asked
		e.peers.Leave()
		o.say <- "done"
		close(o.say)
		if got := <-answered; got != "200 OK done" {
			t.Errorf("got %q", got)
		}
		if got := e.answer("xhr_send", "say"); got != "200 OK " {
			t.Errorf("the next: got %q", got)
		}
	})
}

// held is an owner that says what the test says, or nothing.
type held struct {
	asked, over chan struct{}
	say         chan string
}

// newHeld starts such an owner, which talks where the request says so, and an edge.
func newHeld(t *testing.T) (*edge, *held) {
	t.Helper()
	o := &held{asked: make(chan struct{}), over: make(chan struct{}), say: make(chan string)}
	var first sync.Once
	owner := newOwner(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading what is asked: %v", err)
		}
		first.Do(func() { close(o.asked) })
		if string(body) == "" {
			<-r.Context().Done()
			close(o.over)
			return
		}
		say(w, "")
		for {
			select {
			case text, more := <-o.say:
				if !more {
					return
				}
				say(w, text)
			case <-r.Context().Done():
				close(o.over)
				return
			}
		}
	})
	return newEdge(t, owner), o
}

// Many clients at once neither mix up nor leave anything behind.
func TestManyRequestsAreSentOnAtATime(t *testing.T) {
	owner := newOwner(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		say(w, string(body)+"\n")
	})
	e := newEdge(t, owner)
	var clients sync.WaitGroup
	for i := range 50 {
		clients.Go(func() {
			text := strconv.Itoa(i)
			client := &http.Client{Timeout: relaytest.Patience, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for _, action := range []string{"xhr", "xhr_send", "xhr_streaming"} {
				response, err := client.Post(e.url+action, "", strings.NewReader(text))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || string(got) != text+"\n" {
					t.Errorf("%s of %s: got %q, %v", action, text, got, err)
				}
			}
		})
	}
	clients.Wait()
	e.counted("answered", 150)
}
