package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

const upgrade = "Host: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// answer writes a request as it is, and returns the relay's answer with its body.
func answer(t *testing.T, conn net.Conn, request string) (status int, header http.Header, body string) {
	t.Helper()
	write(t, conn, request)
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.200q: reading the answer: %v", request, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response.StatusCode, response.Header, ""
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%.200q: reading the body: %v", request, err)
	}
	return response.StatusCode, response.Header, string(text)
}

// No path but the app's own answers an upgrade, and none is cleaned by a redirect:
// a WebSocket follows none, and the API's signatures cover the path.
func TestPathsAreServedAsTheyAreOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	paths := map[string]int{
		"/app/" + relaytest.Key:                 101,
		"/app/" + relaytest.Key + "?protocol=7": 101,
		"http://other/app/" + relaytest.Key:     101,
		"/":                                     200,
		"/app":                                  404,
		"/app/":                                 404,
		"/app//":                                404,
		"/app//" + relaytest.Key:                404,
		"//app/" + relaytest.Key:                404,
		"/app/./" + relaytest.Key:               404,
		"/app/" + relaytest.Key + "/":           404,
		"/app/" + relaytest.Key + "/x":          404,
		"/app/x/../" + relaytest.Key:            404,
		"/APP/" + relaytest.Key:                 404,
		"/%61pp/" + relaytest.Key:               101,
		"/pusher/app/" + relaytest.Key:          404,
		"/metrics":                              404,
		"/apps/3/events":                        405,
		"/apps/3/nothing":                       404,
		"/app/x%00y":                            101, // refused by the error that unknown keys get
		"/app/%2e%2e":                           101,
		"/app/" + strings.Repeat("%2f", 3_000):  101,
		"*":                                     400,
		"/app/%zz":                              400,
		"app/" + relaytest.Key:                  400,
	}
	for path, want := range paths {
		w.run(t, fmt.Sprintf("%.40s", path), func(t *testing.T, w world) {
			conn := dialTCP(t, w)
			status, header, body := answer(t, conn, "GET "+path+" HTTP/1.1\r\n"+upgrade+"\r\n")
			if status != want {
				t.Errorf("%d %s%s, want %d", status, header.Get("Location"), body, want)
			}
			conn.Close()
		})
	}
	settled()
	w.Connect().ExpectOpen()
}

func TestUpgradesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	get := "GET /app/" + relaytest.Key + " HTTP/1.1\r\n"
	without := func(line, instead string) string { return get + strings.Replace(upgrade, line, instead, 1) + "\r\n" }
	cases := map[string]struct {
		request string
		status  int
	}{
		"a page":                {get + "Host: relay\r\n\r\n", 400},
		"another version":       {without("Version: 13", "Version: 8"), 400},
		"no version":            {without("Sec-WebSocket-Version: 13\r\n", ""), 400},
		"no key":                {without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400},
		"an empty key":          {without("dGhlIHNhbXBsZSBub25jZQ==", ""), 400},
		"a key that is no key":  {without("dGhlIHNhbXBsZSBub25jZQ==", "%%%"), 400},
		"a short key":           {without("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), 400},
		"no Connection":         {without("Connection: Upgrade\r\n", ""), 400},
		"another protocol":      {without("Upgrade: websocket", "Upgrade: h2c"), 400},
		"POST":                  {"POST" + strings.TrimPrefix(get, "GET") + upgrade + "\r\n", 405},
		"HEAD":                  {"HEAD" + strings.TrimPrefix(get, "GET") + upgrade + "\r\n", 405},
		"HTTP/1.0":              {strings.Replace(get, "1.1", "1.0", 1) + upgrade + "\r\n", 101},
		"two words":             {without("Connection: Upgrade", "Connection: keep-alive, Upgrade"), 101},
		"no Host":               {without("Host: relay\r\n", ""), 400},
		"a foreign Origin":      {get + upgrade + "Origin: https://evil.example\r\n\r\n", 101},
		"odd extensions":        {get + upgrade + "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99; x=\"\r\n\r\n", 101},
		"many extensions":       {get + upgrade + strings.Repeat("Sec-WebSocket-Extensions: permessage-deflate\r\n", 200) + "\r\n", 101},
		"odd subprotocols":      {get + upgrade + "Sec-WebSocket-Protocol: ,,\" ;\r\n\r\n", 101},
		"8 KiB of cookies":      {get + upgrade + "Cookie: " + strings.Repeat("c", 8<<10) + "\r\n\r\n", 101},
		"20 KiB of cookies":     {get + upgrade + "Cookie: " + strings.Repeat("c", 20<<10) + "\r\n\r\n", 431},
		"a key of 20 kB":        {"GET /app/" + strings.Repeat("k", 20<<10) + " HTTP/1.1\r\n" + upgrade + "\r\n", 431},
		"thousands of headers":  {get + upgrade + strings.Repeat("X: x\r\n", 10_000) + "\r\n", 431},
		"a NUL in a header":     {get + upgrade + "X: \x00\r\n\r\n", 400},
		"a space before colon":  {get + upgrade + "X : x\r\n\r\n", 400},
		"HTTP/2 without asking": {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
	}
	for name, c := range cases {
		w.run(t, name, func(t *testing.T, w world) {
			conn := dialTCP(t, w)
			status, header, body := answer(t, conn, c.request)
			if status != c.status {
				t.Errorf("%d %s, want %d", status, body, c.status)
			}
			if name := "Sec-Websocket-Extensions"; header.Get(name) != "" {
				t.Errorf("accepts %s", header.Get(name))
			}
			conn.Close()
		})
	}
	settled()
	w.Connect().ExpectOpen()
}

// A client may not send before it is answered; if it does, it is cut off, or what it
// sent is understood.
func TestFramesPipelinedWithTheUpgradeDoNoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	request := "GET /app/" + relaytest.Key + " HTTP/1.1\r\n" + upgrade + "\r\n"
	w.run(t, "pipelined", func(t *testing.T, w world) {
		conn := dialTCP(t, w)
		write(t, conn, request+string(text(`{"event":"pusher:ping"}`))+string(closingWith(1000, "")))
		came := expectEOF(t, conn)
		if came != "" && !strings.Contains(came, "pusher:pong") {
			t.Errorf("came %q", came)
		}
	})
	w.run(t, "another request behind", func(t *testing.T, w world) {
		conn := dialTCP(t, w)
		write(t, conn, request+"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
		if came := expectEOF(t, conn); strings.Contains(came, "200 OK") {
			t.Errorf("came %q", came)
		}
	})
	settled()
	w.Connect().ExpectOpen()
}

// What ends where has one reading only.
func TestRequestsWithTwoReadingsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	c.Subscribe("smuggled")
	body := `{"name":"e","channel":"smuggled","data":"d"}`
	target := "/apps/3/events?" + sign("POST", "/apps/3/events", body)
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	head := "POST " + target + " HTTP/1.1\r\nHost: relay\r\n"
	cases := map[string]struct {
		request string
		allowed []int
	}{
		"one length":             {head + length + "\r\n" + body, []int{200}},
		"chunks":                 {head + "Transfer-Encoding: chunked\r\n\r\n" + chunked, []int{200}},
		"a trailer":              {head + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n" + strings.TrimSuffix(chunked, "\r\n") + "X: x\r\n\r\n", []int{200}},
		"two lengths":            {head + length + "Content-Length: 1\r\n\r\n" + body, []int{400}},
		"a negative length":      {head + "Content-Length: -1\r\n\r\n" + body, []int{400}},
		"a length with a plus":   {head + "Content-Length: +44\r\n\r\n" + body, []int{400}},
		"a length and chunks":    {head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, []int{200, 400}},
		"two encodings":          {head + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunked, []int{400, 501}},
		"an unknown encoding":    {head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked, []int{400, 501}},
		"chunks without size":    {head + "Transfer-Encoding: chunked\r\n\r\nx\r\n", []int{400}},
		"a chunk of 2^64":        {head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", []int{400}},
		"a length and no body":   {head + "Content-Length: 4\r\nConnection: close\r\n\r\n", nil},
		"an expectation":         {head + length + "Expect: 100-continue\r\n\r\n" + body, []int{100, 200}},
		"an unknown expectation": {head + length + "Expect: tea\r\n\r\n" + body, []int{417}},
	}
	for name, c := range cases {
		w.run(t, name, func(t *testing.T, w world) {
			conn := dialTCP(t, w)
			if c.allowed == nil {
				write(t, conn, c.request)
				if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				if came := expectEOF(t, conn); strings.Contains(came, "200 OK") {
					t.Errorf("came %q", came)
				}
				return
			}
			status, _, body := answer(t, conn, c.request)
			for _, allowed := range c.allowed {
				if status == allowed {
					return
				}
			}
			t.Errorf("%d %s, want %v", status, body, c.allowed)
		})
	}
	w.publish("last", "{}", "smuggled")
	published := 0
	for r := c.Next(); r.Event != "last"; r = c.Next() {
		published++
	}
	if published < 3 || published > 5 {
		t.Errorf("%d events were published", published)
	}
}

// sign is the query of a request that the fixture's app signed.
func sign(method, path, body string) string {
	key := auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}
	return auth.SignRequest(key, method, path, nil, []byte(body), time.Now())
}
