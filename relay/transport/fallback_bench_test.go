package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
	"buildrelay/relay/transport"
)

// What an event costs by each of the transports, over sockets of loopback with both ends
// in this process: events of 120 bytes to 200 readers, one or 15 at a time. It is CPU time
// of both ends; a profile tells them apart.
func BenchmarkWebSocket(b *testing.B) { benchmarkTransport(b, (*fallbackBench).webSocket) }
func BenchmarkStream(b *testing.B)    { benchmarkTransport(b, (*fallbackBench).stream) }
func BenchmarkPoll(b *testing.B)      { benchmarkTransport(b, (*fallbackBench).poll) }

const (
	fallbackReaders = 200
	// fallbackChannel has an @ that is nowhere else: so many of them, so many messages.
	fallbackChannel = "build@1"
	fallbackHello   = `{"event":"pusher:subscribe","data":{"channel":"` + fallbackChannel + `"}}`
)

func benchmarkTransport(b *testing.B, read func(*fallbackBench, context.Context, int) error) {
	for _, burst := range []int{1, 15} {
		b.Run(fmt.Sprint(burst), func(b *testing.B) {
			f := newFallbackBench(b)
			ctx, leave := context.WithCancel(b.Context())
			var reading sync.WaitGroup
			for i := range fallbackReaders {
				reading.Go(func() {
					if err := read(f, ctx, i); ctx.Err() == nil {
						panic(fmt.Sprintf("reader %d: %v", i, err)) // else all would wait
					}
				})
			}
			<-f.watched
			f.hub.Confirmed("ci", fallbackChannel)
			f.await(fallbackReaders)
			used := cpuTime(b)
			b.ReportAllocs()
			for b.Loop() {
				for range burst {
					f.hub.Deliver("ci", protocol.Event{Channel: fallbackChannel, Name: "line", Data: fallbackLine})
				}
				f.hub.Flush()
				f.await(burst * fallbackReaders)
			}
			b.ReportMetric(float64((cpuTime(b)-used).Nanoseconds())/float64(b.N*burst*fallbackReaders), "cpu-ns/delivery")
			leave()
			reading.Wait()
		})
	}
}

// fallbackLine is a line of a build's log of 120 bytes, as JSON.
var fallbackLine = `{"number":12345,"time":"2026-11-29T12:00:00.000Z","step":"test","text":"ok buildrelay/relay/feed ` + strings.Repeat(".", 21) + `"}`

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fallbackBench is a hub that serves all transports, and what its readers got.
type fallbackBench struct {
	hub     *relay.Hub
	address string
	watched watched

	mu       sync.Mutex
	changed  sync.Cond
	messages int // that nobody has waited for yet
}

func newFallbackBench(b *testing.B) *fallbackBench {
	b.Helper()
	apps, err := auth.NewApps(app("ci"))
	if err != nil {
		b.Fatal(err)
	}
	f := &fallbackBench{watched: make(watched, 1)}
	f.changed.L = &f.mu
	counts := metrics.New(prometheus.NewRegistry())
	f.hub = relay.New(relay.Config{Interest: f.watched, Roster: nobody{}, Metrics: counts})
	entrance := transport.Entrance{
		Hub: f.hub, Apps: apps, Metrics: counts, Log: slog.New(slog.DiscardHandler), WriteTimeout: time.Minute,
	}
	ws := &transport.WebSocket{Entrance: entrance}
	fallback := transport.NewFallback(transport.FallbackConfig{Entrance: entrance})
	mux := http.NewServeMux()
	mux.Handle("GET /app/{key}", ws)
	mux.Handle("/app/{key}/{server}/{session}/{action}", fallback)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	ln, err := transport.Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	f.address = ln.Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	var running sync.WaitGroup
	running.Go(func() { f.hub.Run(ctx) })
	running.Go(func() { _ = server.Serve(ln) })
	b.Cleanup(func() {
		f.hub.Drain(ctx, 0)
		_ = server.Close()
		ws.Wait()
		fallback.Wait()
		stop()
		running.Wait()
	})
	return f
}

// watched has a signal when the first reader has come.
type watched chan struct{}

func (w watched) Watch(string, string) { w <- struct{}{} }
func (watched) Unwatch(string, string) {}

// await waits for so many more messages.
func (f *fallbackBench) await(messages int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.messages < messages {
		f.changed.Wait()
	}
	f.messages -= messages
}

// Write counts what a reader got.
func (f *fallbackBench) Write(p []byte) (int, error) {
	if n := bytes.Count(p, []byte("@")); n > 0 {
		f.mu.Lock()
		f.messages += n
		f.changed.Signal()
		f.mu.Unlock()
	}
	return len(p), nil
}

// dial connects until ctx ends or the connection is closed.
func (f *fallbackBench) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", f.address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return conn, nil
}

func (f *fallbackBench) webSocket(ctx context.Context, _ int) error {
	conn, err := f.dial(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, "GET /app/ci?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 16<<10)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	response.Body.Close() // it has none
	frame := []byte{0x81, 0x80 + byte(len(fallbackHello)), 0, 0, 0, 0}
	if _, err := conn.Write(append(frame, fallbackHello...)); err != nil {
		return err
	}
	_, err = in.WriteTo(f)
	return err
}

// poll asks again and again over one connection.
func (f *fallbackBench) poll(ctx context.Context, i int) error {
	conn, err := f.dial(ctx)
	if err != nil {
		return err
	}
	in, p := bufio.NewReader(conn), make([]byte, 16<<10)
	for n := 0; ; n++ {
		response, err := f.receive(conn, in, i, "xhr")
		if err != nil {
			return err
		}
		if _, err := io.CopyBuffer(f, response.Body, p); err != nil {
			return err
		}
		response.Body.Close()
		if n == 0 {
			if err := f.subscribe(ctx, i); err != nil {
				return err
			}
		}
	}
}

// stream reads one response after the other, each as far as clients do.
func (f *fallbackBench) stream(ctx context.Context, i int) error {
	for n := 0; ; n++ {
		conn, err := f.dial(ctx)
		if err != nil {
			return err
		}
		response, err := f.receive(conn, bufio.NewReader(conn), i, "xhr_streaming") //nolint:bodyclose // it has no end, but that of the connection
		if err != nil {
			return err
		}
		if n == 0 {
			// It is open behind the prelude and the frame with the greeting.
			if _, err := io.CopyN(f, response.Body, 2100); err != nil {
				return err
			}
			if err := f.subscribe(ctx, i); err != nil {
				return err
			}
		}
		if err := f.follow(response.Body); err != nil {
			return err
		}
		conn.Close()
	}
}

// follow reads until a client would take no more.
func (f *fallbackBench) follow(body io.Reader) error {
	p := make([]byte, 16<<10)
	for size := 2100; ; {
		n, err := body.Read(p)
		_, _ = f.Write(p[:n])
		if size += n; err != nil || size > protocol.MaxFallback && p[n-1] == '\n' {
			return err
		}
	}
}

// receive asks for what a session has, as Chromium does.
func (f *fallbackBench) receive(conn net.Conn, in *bufio.Reader, i int, action string) (*http.Response, error) {
	_, err := fmt.Fprintf(conn, "POST /app/ci/1/%08d/%s?protocol=7&client=js&version=8.6.0&t=1700000000000&n=1 HTTP/1.1\r\n"+
		"Host: x\r\nConnection: keep-alive\r\nContent-Length: 0\r\n"+
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n"+
		"Accept: */*\r\nOrigin: https://ci.example.com\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"+
		"Referer: https://ci.example.com/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"+
		"Content-Type: application/json\r\n\r\n", i, action)
	if err != nil {
		return nil, err
	}
	return http.ReadResponse(in, nil)
}

func (f *fallbackBench) subscribe(ctx context.Context, i int) error {
	list := `["` + strings.ReplaceAll(fallbackHello, `"`, `\"`) + `"]`
	url := fmt.Sprintf("http://%s/app/ci/1/%08d/xhr_send", f.address, i)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(list))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("subscribing: %s", response.Status)
	}
	return nil
}
