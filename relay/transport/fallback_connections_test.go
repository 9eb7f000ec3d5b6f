package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/relay"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

func receivePath(session, action string) string {
	return "/pusher/app/ci/" + session + "/" + action + "?protocol=7"
}

// Hundreds of streams whose clients are gone, silent or do not read: all end with the grace,
// or by the core's look at who is alive, and leave nothing behind.
func TestHalfOpenStreamsEnd(t *testing.T) {
	for name, leave := range map[string]func(net.Conn){
		"closed":        func(conn net.Conn) { conn.Close() },
		"reset":         func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0); conn.Close() },
		"closed halfly": func(conn net.Conn) { _ = conn.(*net.TCPConn).CloseWrite() },
		"silent":        func(net.Conn) {},
	} {
		for _, action := range []string{"xhr_streaming", "xhr"} {
			t.Run(name+", "+action, func(t *testing.T) {
				r := newFallbackRig(t, fallbackSetup{hub: relay.Config{PingAfter: time.Second, PongTimeout: time.Second}})
				witness := r.connect(relaytest.XHROptions{})
				witness.ExpectOpen()
				runtime.GC()
				before := runtime.NumGoroutine()
				const streams = 300
				for range streams {
					conn := r.tcp()
					session := relaytest.NewSession()
					tell(t, conn, request("POST", receivePath(session, action), ""))
					if action == "xhr" { // the first is answered at once
						answered(t, bufio.NewReader(conn))
						tell(t, conn, request("POST", receivePath(session, action), ""))
					} else if _, err := bufio.NewReader(conn).ReadString('['); err != nil {
						t.Fatal(err)
					}
					leave(conn)
				}
				r.awaitSessions(1)
				witness.ExpectOpen()
				// Connections without a request keep their goroutine until they idle too long.
				idle := 0
				if name == "silent" {
					idle = 2 * streams
				}
				r.await("goroutines", func() bool { return runtime.NumGoroutine() <= before+idle+10 })
			})
		}
	}
}

// What a client that has aborted its poll is sent meanwhile comes with its next.
func TestAbortedPollsTakeNothing(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: time.Minute}})
	c := r.connect(relaytest.XHROptions{Polling: true})
	c.Subscribe("news")
	for i := range 50 {
		r.awaitReceiving(1)
		c.Abort()
		r.awaitReceiving(0)
		r.publish("news", "n", fmt.Sprint(i))
		c.Again()
		if got := c.Expect("n").DataString(t); got != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", got, i)
		}
	}
	c.ExpectOpen()
}

func TestOldAndNewHTTP(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: shortGrace}})
	t.Run("HTTP/1.0 streams without chunks", func(t *testing.T) {
		session := relaytest.NewSession()
		conn := r.tcp()
		defer conn.Close()
		tell(t, conn, strings.Replace(request("POST", receivePath(session, "xhr_streaming"), ""), "1.1", "1.0", 1))
		response, stream := headed(t, bufio.NewReader(conn), "POST")
		if len(response.Encoding) > 0 || response.ContentLength >= 0 {
			t.Errorf("answered by %+v", response)
		}
		for _, begin := range []string{strings.Repeat("h", 2048) + "\n", "o\n", `a["{`} {
			if line, err := stream.ReadString('\n'); err != nil || !strings.HasPrefix(line, begin) {
				t.Errorf("got %q, %v", line, err)
			}
		}
		sent, _ := r.roundTrip(strings.Replace(request("POST", receivePath(session, "xhr_send"), `["{\"event\":\"old\"}"]`), "1.1", "1.0", 1))
		if sent.StatusCode != http.StatusNoContent {
			t.Errorf("a send is answered by %s", sent.Status)
		}
		if line, err := stream.ReadString('\n'); err != nil || !strings.Contains(line, "old") {
			t.Errorf("got %q, %v", line, err)
		}
	})
	t.Run("HTTP/1.0 polls over one connection", func(t *testing.T) {
		session := relaytest.NewSession()
		conn := r.tcp()
		from := bufio.NewReader(conn)
		for i := range 3 {
			tell(t, conn, strings.Replace(request("POST", receivePath(session, "xhr"), "", "Connection: keep-alive"), "1.1", "1.0", 1))
			response, body := answered(t, from)
			if response.StatusCode != 200 || response.ContentLength < 1 || !strings.HasSuffix(body, "]\n") && body != "o\n" {
				t.Errorf("poll %d is answered by %s %q", i, response.Status, body)
			}
			r.roundTrip(request("POST", receivePath(session, "xhr_send"), `["{\"event\":\"old\"}"]`))
		}
	})
	for name, preface := range map[string]string{
		"HTTP/2 without asking": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"HTTP/3":                "POST " + receivePath("1/aaaaaaaa", "xhr") + " HTTP/3.0\r\nHost: relay\r\n\r\n",
		"HTTP/0.9":              "GET " + receivePath("1/aaaaaaaa", "xhr") + "\r\n",
		"no HTTP":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := r.tcp()
			tell(t, conn, preface)
			if came, err := io.ReadAll(conn); err != nil || !strings.Contains(string(came), " 400 ") && !strings.Contains(string(came), " 505 ") {
				t.Errorf("answered by %q, %v", came, err)
			}
		})
	}
	t.Run("an upgrade to HTTP/2", func(t *testing.T) {
		response, body := r.roundTrip(request("POST", receivePath(relaytest.NewSession(), "xhr"), "", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"))
		if response.StatusCode != http.StatusOK || !strings.HasPrefix(body, "o\n") {
			t.Errorf("answered by %s %q", response.Status, body)
		}
	})
	r.awaitSessions(0)
}

// Requests of all kinds come over one connection, one behind the other before any is
// answered: they are answered in their order.
func TestPipelinedRequests(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: time.Minute}})
	session, conn := relaytest.NewSession(), r.tcp()
	from := bufio.NewReader(conn)
	send := func(event string) string {
		return request("POST", receivePath(session, "xhr_send"), `["{\"event\":\"`+event+`\"}"]`)
	}
	poll := request("POST", receivePath(session, "xhr"), "")
	for round := range 20 {
		tell(t, conn, poll+send("one")+send("two")+request("OPTIONS", receivePath(session, "xhr"), "")+
			request("POST", receivePath(session, "xhr_send"), "[")+request("GET", "/nothing", "")+poll+send("three")+poll)
		wanted := []int{200, 204, 204, 204, 500, 404, 200, 204, 200}
		var polled string
		for i, want := range wanted {
			response, body := answered(t, from)
			if response.StatusCode != want {
				t.Fatalf("round %d: answer %d is %s, want %d", round, i, response.Status, want)
			}
			if want == 200 {
				polled += body
			}
		}
		for strings.Count(polled, "Unsupported event") < 3 && strings.Count(polled, "pusher:error") < 3 {
			tell(t, conn, poll)
			_, body := answered(t, from)
			polled += body
		}
		if round < 19 {
			tell(t, conn, send("last")) // so that the first poll of the next round does not wait
			answered(t, from)
		}
	}
	r.awaitSessions(1)
}

// A receive request has no body. A short one does no harm, a long one makes no session.
func TestReceiveRequestsWithABody(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: shortGrace}})
	for _, body := range []string{"", "[]", `["{\"event\":\"pusher:ping\"}"]`, "\x00\xff", strings.Repeat("x", 1_000)} {
		response, got := r.roundTrip(request("POST", receivePath(relaytest.NewSession(), "xhr"), body))
		if response.StatusCode != http.StatusOK || !strings.HasPrefix(got, "o\n") || strings.Contains(got, "pong") {
			t.Errorf("%.20q: answered by %s %q", body, response.Status, got)
		}
	}
	r.awaitSessions(0)
	for _, action := range []string{"xhr", "xhr_streaming"} {
		response, _ := r.roundTrip(request("POST", receivePath(relaytest.NewSession(), action), strings.Repeat("x", 2_000)))
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("answered by %s", response.Status)
		}
	}
	if n := r.fallback.Sessions(); n != 0 {
		t.Errorf("there are %d sessions", n)
	}
}

// A page subscribes to all its channels at once, by as many requests as HTTP/2 lets it have.
func TestParallelSendsAreAllTaken(t *testing.T) {
	t.Parallel()
	const sends = 200
	r := newFallbackRig(t, fallbackSetup{})
	for name, options := range map[string]relaytest.XHROptions{"streaming": {}, "polling": {Polling: true}} {
		t.Run(name, func(t *testing.T) {
			c := r.connect(options)
			var sending sync.WaitGroup
			for i := range sends {
				sending.Go(func() {
					response, _ := r.roundTrip(request("POST", receivePath(c.Session, "xhr_send"),
						fmt.Sprintf(`["{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"%s-%d\"}}"]`, name, i)))
					if response.StatusCode != http.StatusNoContent {
						t.Errorf("send %d is answered by %s", i, response.Status)
					}
				})
			}
			sending.Wait()
			subscribed := make(map[string]bool)
			for range sends {
				subscribed[c.Expect("pusher_internal:subscription_succeeded").Channel] = true
			}
			if len(subscribed) != sends {
				t.Errorf("subscribed to %d channels", len(subscribed))
			}
			c.ExpectOpen()
		})
	}
}

// Sends that are begun and not ended take up places; there are so many of them.
func TestSendsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	c := r.connect(relaytest.XHROptions{})
	for range 256 {
		conn := r.tcp()
		tell(t, conn, "POST "+receivePath(c.Session, "xhr_send")+" HTTP/1.1\r\nHost: relay\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Fatalf("answered by %q, %v", line, err)
		}
	}
	if status, _ := c.Post("[]"); status != http.StatusTooManyRequests {
		t.Errorf("one more is answered by %d", status)
	}
	c.ExpectError(4100, "")
	c.ExpectClose(4100)
}

// However many ask at once for a session that is new, it is opened once, and all but one
// leave.
func TestManyRequestsForOneSession(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: time.Minute}})
	for _, action := range []string{"xhr_streaming", "xhr"} {
		for range 10 {
			session := relaytest.NewSession()
			var asking sync.WaitGroup
			var mu sync.Mutex
			var all strings.Builder
			ended := 0
			const requests = 30
			for range requests {
				conn := r.tcp()
				asking.Go(func() {
					tell(t, conn, request("POST", receivePath(session, action), "", "Connection: close"))
					came, _ := io.ReadAll(conn)
					mu.Lock()
					defer mu.Unlock()
					all.Write(came)
					ended++
				})
			}
			r.await("all but one to leave", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return ended >= requests-1
			})
			r.endSession(session)
			asking.Wait()
			text := all.String()
			if opened := strings.Count(text, "o\n"); opened != 1 {
				t.Errorf("%s: the session was opened %d times", action, opened)
			}
			if greeted := strings.Count(text, "connection_established"); greeted != 1 {
				t.Errorf("%s: %d clients were greeted", action, greeted)
			}
			r.awaitSessions(0)
		}
	}
}

// endSession makes the relay end a session.
func (r *fallbackRig) endSession(session string) {
	r.t.Helper()
	r.roundTrip(request("POST", receivePath(session, "xhr_send"), "[\"\xff\"]"))
}
