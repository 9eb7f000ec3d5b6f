package transport_test

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// timed is a connection that notes what is written to it without a limit of time: a client
// that does not read would hold it for ever.
type timed struct {
	net.Conn
	timeless *timeless

	mu sync.Mutex
	at time.Time
}

type timeless struct {
	mu     sync.Mutex
	writes []string
}

func (l *timeless) wrap(conn net.Conn) net.Conn { return &timed{Conn: conn, timeless: l} }

// SetWriteDeadline implements [net.Conn].
func (c *timed) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	c.at = at
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(at)
}

// Write implements [net.Conn].
func (c *timed) Write(p []byte) (int, error) {
	c.mu.Lock()
	limited := !c.at.IsZero()
	c.mu.Unlock()
	if !limited {
		c.timeless.mu.Lock()
		c.timeless.writes = append(c.timeless.writes, string(p))
		c.timeless.mu.Unlock()
	}
	return c.Conn.Write(p)
}

func TestNothingIsWrittenWithoutALimitOfTime(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(r *fallbackRig, session, action string){
		"refused": func(r *fallbackRig, session, action string) {
			_, body := r.roundTrip(request("POST", "/pusher/app/none/"+session+"/"+action, ""))
			if !strings.Contains(body, "c[4001,") {
				r.t.Errorf("got %q", body)
			}
		},
		"replaced": func(r *fallbackRig, session, action string) {
			first := r.receiving(session, action)
			r.receiving(session, action)
			if _, err := first.ReadString(0); err == nil {
				r.t.Error("a response that was replaced does not end")
			}
		},
		"ended by the relay": func(r *fallbackRig, session, action string) {
			body := r.receiving(session, action)
			r.endSession(session)
			if text, err := body.ReadString(0); err == nil || !strings.Contains(text, "c[1007,") {
				r.t.Errorf("got %q", text)
			}
		},
		"too long": func(r *fallbackRig, session, action string) {
			body := r.receiving(session, action)
			r.publish("news", "n", strings.Repeat("x", protocol.MaxFallback))
			if _, err := body.ReadString(']'); err != nil {
				r.t.Errorf("reading what is long: %v", err)
			}
			r.receiving(session, action)
			if _, err := body.ReadString(0); err == nil {
				r.t.Error("a response that was replaced does not end")
			}
		},
	} {
		for _, action := range []string{"xhr_streaming", "xhr"} {
			t.Run(name+", "+action, func(t *testing.T) {
				t.Parallel()
				var l timeless
				r := newFallbackRig(t, fallbackSetup{wrap: l.wrap, config: transport.FallbackConfig{Grace: time.Minute}})
				session := relaytest.NewSession()
				if name != "refused" {
					c := r.connect(relaytest.XHROptions{Polling: true})
					c.Subscribe("news")
					r.awaitReceiving(1)
					c.Abort()
					r.awaitReceiving(0)
					session = c.Session
				}
				act(r, session, action)
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, p := range l.writes {
					t.Errorf("%.60q was written without a limit of time", p)
				}
			})
		}
	}
}

// receiving is a receive request that waits, on a connection of its own.
func (r *fallbackRig) receiving(session, action string) *bufio.Reader {
	r.t.Helper()
	conn := r.tcp()
	tell(r.t, conn, request("POST", receivePath(session, action), "", "Connection: close"))
	from := bufio.NewReader(conn)
	if action != "xhr_streaming" {
		r.awaitReceiving(1)
		return from
	}
	if _, err := from.ReadString('h'); err != nil {
		r.t.Fatalf("reading a prelude: %v", err)
	}
	return from
}
