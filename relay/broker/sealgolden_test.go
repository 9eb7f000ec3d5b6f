package broker_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// monitor collects every command that Redis is sent.
type monitor struct {
	t     *testing.T
	rig   *logRig
	lines *bufio.Reader
}

func startMonitor(t *testing.T, l *logRig) *monitor {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.client.Options().Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(relaytest.Patience)) // nothing here takes long
	fmt.Fprintf(conn, "MONITOR\r\n")
	m := &monitor{t, l, bufio.NewReader(conn)}
	if line, err := m.lines.ReadString('\n'); err != nil || line != "+OK\r\n" {
		t.Fatalf("monitoring: %q (%v)", line, err)
	}
	return m
}

// said is all that was sent up to now.
func (m *monitor) said() string {
	m.t.Helper()
	m.rig.do("ECHO", "the end of what is monitored")
	var all strings.Builder
	for {
		line, err := m.lines.ReadString('\n')
		if err != nil {
			m.t.Fatal(err)
		}
		if strings.Contains(line, "the end of what is monitored") {
			return all.String()
		}
		all.WriteString(line)
	}
}

// dump is all that Redis holds: the names and the values of all keys.
func (l *logRig) dump() string {
	l.t.Helper()
	var all strings.Builder
	keys := l.client.Scan(l.t.Context(), 0, "*", 100).Iterator()
	for keys.Next(l.t.Context()) {
		all.WriteString(keys.Val() + l.client.Dump(l.t.Context(), keys.Val()).Val())
	}
	if keys.Err() != nil {
		l.t.Fatal(keys.Err())
	}
	return all.String()
}

// What is sealed is nowhere in Redis, and in nothing that it is sent. Without the seal, the
// same search finds it.
func TestNothingOfASealedLogIsReadableInRedis(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	for mode, found := range map[auth.Seal]bool{auth.SealOff: true, auth.SealAcceptPlain: false, auth.SealRequired: false} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			v := newVault(t, mode)
			l := newLogRig(t, relaytest.StartRedis(t, relaytest.RedisSettings("rdbcompression no")).URL(), v.seals)
			l.start().waitReady()
			m := startMonitor(t, l)
			l.Watch("1", "a")
			l.expect("confirmed 1 a")
			l.publish("1", protocol.Event{Name: "e", Channel: "a", Data: canary, ID: "x"}, event("a", strings.Repeat(canary, 1000)), event("b", canary))
			l.publish("1", protocol.Event{Name: "e", Channel: "a", Data: canary, Append: &protocol.Append{Final: &protocol.Final{}}})
			if page := l.read(first); len(page.Entries) != 3 || page.Entries[0].Data != canary {
				t.Fatalf("read %+v", page)
			}
			for where, text := range map[string]string{"the keys": l.dump(), "the commands": m.said()} {
				if len(text) < 1000 {
					t.Fatalf("%s are not all there: %q", where, text)
				}
				if strings.Contains(text, canary) != found {
					t.Errorf("%s have the data: %v, want %v", where, !found, found)
				}
			}
		})
	}
}
