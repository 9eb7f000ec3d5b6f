package webhook_test

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// serve starts a real receiver on loopback, and a sender with one webhook that may go there.
func serve(t testing.TB, handler http.HandlerFunc, change ...func(*auth.Webhook)) *rig {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	hook := auth.Webhook{URL: server.URL + "/hooks"}
	for _, c := range change {
		c(&hook)
	}
	r := newRig(t, mustNetworks(t, "loopback"), hook)
	r.run()
	return r
}

// Rows 89 and 91 of docs/ATTACKS.md: what an answer may not do.
func TestAnAnswerCanDoNoHarm(t *testing.T) {
	bomb := bomb()
	cases := map[string]struct {
		answer http.HandlerFunc
		want   string // the outcome of the request
	}{
		"nothing": {func(http.ResponseWriter, *http.Request) {}, "delivered"},
		"202":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }, "delivered"},
		"304":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, "failed"},
		"an endless body": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 4096))
			}
		}, "delivered"},
		"a body that stops": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(make([]byte, 10))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "delivered"},
		"a bomb": {func(w http.ResponseWriter, r *http.Request) {
			if asked := r.Header["Accept-Encoding"]; asked != nil {
				t.Errorf("the answer may be compressed: %q", asked)
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		}, "delivered"},
		"a million headers": {func(w http.ResponseWriter, _ *http.Request) {
			raw(w, "HTTP/1.1 200 OK\r\n"+strings.Repeat("A: b\r\n", 1e6)+"\r\n")
		}, "failed"},
		"a huge header": {func(w http.ResponseWriter, _ *http.Request) {
			raw(w, "HTTP/1.1 200 OK\r\nA: "+strings.Repeat("b", 1e6)+"\r\n\r\n")
		}, "failed"},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) { raw(w, "-ERR unknown command\r\n") }, "failed"},
		"101": {func(w http.ResponseWriter, _ *http.Request) {
			raw(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		}, "failed"},
		"endless 103": {func(w http.ResponseWriter, _ *http.Request) {
			raw(w, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1e5))
		}, "failed"},
		"nothing for long": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "failed"},
		"headers, slowly":  {func(w http.ResponseWriter, _ *http.Request) { drip(w) }, "failed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // so that the end of the connection is noticed
				c.answer(w, r)
			})
			r.put(on("a"))
			relaytest.Eventually(t, "an outcome", func() bool { return r.called("delivered")+r.called("failed") > 0 })
			if r.called(c.want) == 0 {
				t.Errorf("the request is not %s", c.want)
			}
			r.stop()
		})
	}
}

// bomb is 16 MiB of nothing.
func bomb() []byte {
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	for range 16 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_ = w.Close()
	return small.Bytes()
}

// raw answers with these bytes.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
}

// drip answers with a header line every now and then, until the other side has gone.
func drip(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	text := "HTTP/1.1 200 OK\r\n"
	for {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
		text = "A: b\r\n"
		<-time.After(100 * time.Millisecond)
	}
}

// The one redirected to is as near as the receiver, and gets nothing.
func TestNoRedirectIsFollowed(t *testing.T) {
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	var calls atomic.Int32
	r := serve(t, func(w http.ResponseWriter, r *http.Request) {
		statuses := []int{301, 302, 303, 307, 308}
		n := int(calls.Add(1)) - 1
		w.Header().Set("Location", []string{inside.URL, "gopher://127.0.0.1/", "/hooks", "file:///etc/passwd", inside.URL}[n%5])
		w.WriteHeader(statuses[n%5])
	})
	for i := range 5 {
		r.put(on(fmt.Sprint("a", i)))
	}
	relaytest.Eventually(t, "five requests that failed", func() bool { return r.called("failed") >= 5 })
	r.stop()
	if reached.Load() != 0 || r.called("delivered") != 0 {
		t.Errorf("redirects were followed %d times, %d delivered", reached.Load(), r.called("delivered"))
	}
}

// Row 94 of docs/ATTACKS.md.
func TestNoProxyIsAsked(t *testing.T) {
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	r := serve(t, func(http.ResponseWriter, *http.Request) {})
	// Not one of the addresses for which Go asks no proxy.
	if err := r.apps.Replace(testApp(auth.Webhook{URL: "http://unknown.invalid/"})); err != nil {
		t.Fatal(err)
	}
	r.put(on("a"))
	relaytest.Eventually(t, "a request", func() bool { return r.called("failed") > 0 })
	if asked.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

// A connection serves again and again, and is not kept when the sender has ended.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "thanks")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	r := newRig(t, mustNetworks(t, "127.0.0.1"), auth.Webhook{URL: server.URL})
	r.run()
	for range 100 {
		r.put(on("a"))
	}
	relaytest.Eventually(t, "all are told", func() bool { return r.left() == 0 })
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for one channel", n)
	}
}

// As over the internet: a certificate, and HTTP/2 or 1.1.
func TestWebhooksGoOverTLSToWhomTheSystemTrusts(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		t.Run(fmt.Sprint("HTTP/2: ", http2), func(t *testing.T) {
			protocols := make(chan int, 10)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { protocols <- r.ProtoMajor }))
			server.EnableHTTP2 = http2
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			server.StartTLS()
			defer server.Close()
			hook := auth.Webhook{URL: server.URL}
			stranger := newRig(t, mustNetworks(t, "loopback"), hook)
			stranger.run()
			stranger.put(on("a"))
			relaytest.Eventually(t, "a stranger's certificate is refused", func() bool { return stranger.called("failed") > 0 })

			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			r := newRig(t, mustNetworks(t, "loopback"), hook)
			r.sender.Trust(roots)
			r.run()
			r.put(on("a"))
			relaytest.Eventually(t, "it is told", func() bool { return r.left() == 0 })
			if got := <-protocols; (got == 2) != http2 {
				t.Errorf("HTTP/%d", got)
			}
			stranger.stop()
			r.stop()
		})
	}
}

// As rows 87 and 90 have it: nothing is connected to, and all of it is given up like what
// fails.
func TestAForbiddenTargetGetsNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "localhost",
		"0.0.0.0", "0", "user:hunter2@127.0.0.1", "１２７.0.0.1", "[::ffff:7f00:1%25lo]",
	} {
		t.Run(host, func(t *testing.T) {
			r := newRig(t, nil, auth.Webhook{URL: fmt.Sprintf("http://%s:%d/hunter2", host, port)})
			r.run()
			r.put(on("a"), on("b"))
			relaytest.Eventually(t, "both are refused", func() bool { return r.called("forbidden") == 2 })
			r.stop()
			if n := r.log.count("may not go"); n != 1 || r.log.count("hunter2") != 0 {
				t.Errorf("%d lines in the log: %s", n, r.log.text.String())
			}
		})
	}
	if err := listener.(*net.TCPListener).SetDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if conn, err := listener.Accept(); err == nil {
		t.Error("somebody connected")
		_ = conn.Close()
	}
}

func TestAForbiddenTargetIsSeldomTried(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		for i := range 100 {
			r.put(on(fmt.Sprint("a", i)))
		}
		pass(4 * time.Minute)
		if n := r.called("forbidden"); n < 8 || n > 8+4+8 {
			t.Errorf("%d tries in four minutes", n)
		}
		pass(2 * time.Minute)
		if n := r.counted("expired"); n != 100 {
			t.Errorf("%d events are given up", n)
		}
		r.allDone()
	}, auth.Webhook{URL: "ftp://ci.example.com/"})
}

// BenchmarkDeliver tells a receiver on loopback, each event in a request of its own.
func BenchmarkDeliver(b *testing.B) {
	for name, batch := range map[string]time.Duration{"one by one": 0, "in batches": 10 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			r := serve(b, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
				func(h *auth.Webhook) { h.Batch = batch })
			b.ResetTimer()
			for done := 0; done < b.N; {
				n := min(b.N-done, 5000)
				for i := range n {
					o := on(fmt.Sprint("private-build-", i%100))
					o.Kind, o.Event, o.Data, o.SocketID = protocol.HookClientEvent, "client-line", strings.Repeat("x", 100), "1.2"
					r.put(o)
				}
				done += n
				relaytest.Eventually(b, "all are told", func() bool { return r.counted("delivered") == done })
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "webhooks/s")
			r.stop()
		})
	}
}
