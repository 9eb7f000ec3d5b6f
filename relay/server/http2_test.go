package server_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/server"
)

// What floods servers by HTTP/2 (streams that are reset at once, CONTINUATION and SETTINGS
// without end) is not even read: who speaks it is answered once, and the connection ends.
func TestFramesOfHTTP2EndTheConnection(t *testing.T) {
	t.Parallel()
	handler := server.Routes{WebSocket: name("socket"), API: name("api")}.Handler()
	shown := relaytest.NewAuthority(t).Issue(nil)
	address := serveTLS(t, handler, server.TLS(always(shown.Pair)))
	plain := strings.TrimPrefix(serve(t, handler), "http://")
	guarded := strings.TrimPrefix(serve(t, (&server.Guard{}).Handler(handler)), "http://")
	settings := []byte{0, 0, 0, 4, 0, 0, 0, 0, 0}
	headers := []byte{0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82}
	reset := []byte{0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8}
	flood := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), bytes.Repeat(append(append(settings, headers...), reset...), 10_000)...)
	for where, dial := range map[string]func() (net.Conn, error){
		"in the clear":     func() (net.Conn, error) { return net.Dial("tcp", plain) },
		"behind the guard": func() (net.Conn, error) { return net.Dial("tcp", guarded) },
		"over TLS": func() (net.Conn, error) {
			return tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
		},
	} {
		conn, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(relaytest.Patience))
		var writing sync.WaitGroup
		writing.Go(func() { _, _ = conn.Write(flood) }) // it may be cut off
		answer, err := io.ReadAll(conn)                 // it ends, if by a reset
		if text := string(answer); text != "" && !strings.HasPrefix(text, "HTTP/1.1 4") || strings.Contains(text, "socket") || strings.Contains(text, "api") {
			t.Errorf("%s: it is answered %q", where, text)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays", where)
		}
		writing.Wait()
	}
}
