package main_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// Row 58: what has two readings is not one thing to nginx and another to the relay: nobody's
// request is answered by what somebody else has smuggled in, and nothing is published by it.
func TestNothingIsSmuggledThroughNginx(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	c.Subscribe("smuggled")
	f := plainNginx(t, w, "proxy_http_version 1.1;", `proxy_set_header Connection "";`)
	const inner = "POST /apps/3/events HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	chunked := fmt.Sprintf("0\r\n\r\n%s", inner)
	head := "POST /apps/3/events HTTP/1.1\r\nHost: x\r\n"
	for name, raw := range map[string]string{
		"a length and chunks": head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%s", len(chunked), chunked),
		"chunks and a length": head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked,
		"two lengths":         head + fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s", len(inner), inner),
		"two encodings":       head + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunked,
		"an odd encoding":     head + "Transfer-Encoding: \x0bchunked\r\n\r\n" + chunked,
		"a bare line feed":    "POST /apps/3/events HTTP/1.1\nHost: x\nTransfer-Encoding:\tchunked\n\n" + chunked,
		"a folded header":     head + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunked,
		"a chunk's extension": head + "Transfer-Encoding: chunked\r\n\r\n0;\r\n\r\n" + inner,
		"a space in a name":   head + "Content-Length : 0\r\n\r\n" + inner,
		"an HTTP/0.9 request": "GET /healthz\r\n" + inner,
	} {
		w.run(t, name, func(t *testing.T, w world) {
			conn, err := (&net.Dialer{Timeout: relaytest.Patience}).DialContext(t.Context(), "tcp", f.Nginx.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			write(t, conn, raw)
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(relaytest.Patience)); err != nil {
				t.Fatal(err)
			}
			came, _ := io.ReadAll(conn) // it may be reset
			if strings.Contains(string(came), "200 OK") {
				t.Errorf("it is answered %q", came)
			}
			for range 3 {
				response, err := http.Get("http://" + f.Nginx.Address + "/healthz")
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK || string(body) != "ok\n" {
					t.Errorf("somebody else is answered %d %q, %v", response.StatusCode, body, err)
				}
			}
		})
	}
	w.publish("last", "{}", "smuggled")
	c.Expect("last") // and nothing came before
}
