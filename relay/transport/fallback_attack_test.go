package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

const ping = `{"event":"pusher:ping","data":{}}`

func TestBodiesThatAreNoneAreRefusedAndTheSessionLives(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	c := r.connect(relaytest.XHROptions{})
	const broken, empty = "Broken JSON encoding.", "Payload expected."
	for name, test := range map[string]struct {
		body, reply string
		status      int
	}{
		"nothing":                  {"", empty, 500},
		"space":                    {" \r\n\t", empty, 500},
		"a NUL":                    {"\x00", broken, 500},
		"a byte order mark":        {"\ufeff[]", broken, 500},
		"UTF-16":                   {"\xff\xfe[\x00]\x00", broken, 500},
		"a number":                 {"1", broken, 500},
		"a string":                 {`"{}"`, broken, 500},
		"an object":                {`{"0":"{}"}`, broken, 500},
		"null":                     {"null", broken, 500},
		"a number inside":          {"[1]", broken, 500},
		"null inside":              {`["{}",null]`, broken, 500},
		"an object inside":         {`[{"event":"pusher:ping"}]`, broken, 500},
		"an array inside":          {`[["{}"]]`, broken, 500},
		"a comma too many":         {`["{}",]`, broken, 500},
		"a comma alone":            {`[,]`, broken, 500},
		"no end":                   {`["{}"`, broken, 500},
		"two arrays":               {`[][]`, broken, 500},
		"a comment":                {`[/**/]`, broken, 500},
		"single quotes":            {`['{}']`, broken, 500},
		"a line in a string":       {"[\"\n\"]", broken, 500},
		"a NUL in a string":        {"[\"\x00\"]", broken, 500},
		"a bad escape":             {`["\x41"]`, broken, 500},
		"half an escape":           {`["\u12"]`, broken, 500},
		"100,000 brackets":         {strings.Repeat("[", 100_000), broken, 500},
		"nested 60,000 deep":       {strings.Repeat("[", 60_000) + strings.Repeat("]", 60_000), broken, 500},
		"a form":                   {"d=%5B%22%7B%7D%22%5D", broken, 500},
		"XML":                      {"<a/>", broken, 500},
		"a multipart":              {"--x\r\nContent-Disposition: form-data\r\n\r\n[]\r\n--x--", broken, 500},
		"gzip":                     {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x8b\x8e\x05\x00", broken, 500},
		"a heartbeat":              {"[]", "", 204},
		"a heartbeat with space":   {" [ ] \n", "", 204},
		"a ping":                   {`["{\"event\":\"pusher:ping\"}"]`, "", 204},
		"messages that are none":   {`["","[]","null","\u0000","{","\ud800","{\"event\":1}","{\"event\":\"\"}"]`, "", 204},
		"10,000 messages":          {"[" + strings.Repeat(`"{}",`, 9_999) + `"{}"]`, "", 204},
		"a message in a message":   {`["[\"{}\"]"]`, "", 204},
		"lines in a message":       {`["{\"event\":\"a\\nb\\u2028\"}"]`, "", 204},
		"frames that are in texts": {`["c[4001,\"x\"]","h","o"]`, "", 204},
	} {
		t.Run(name, func(t *testing.T) {
			if status, reply := c.Post(test.body); status != test.status || strings.TrimSpace(reply) != test.reply {
				t.Errorf("answered by %d %q, want %d %q", status, reply, test.status, test.reply)
			}
			drained(c)
		})
	}
	r.awaitSessions(1)
}

// drained passes over what answers nonsense, and expects that the session lives.
func drained(c *relaytest.XHRClient) {
	c.Send(ping)
	c.Send(`{"event":"the end"}`)
	for !strings.Contains(c.Next().Text, "the end") {
	}
}

func TestWhatNoMessageMayBeEndsTheSession(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	large := strings.Repeat("x", 70<<10)
	for name, test := range map[string]struct {
		body   string
		code   int
		status int
	}{
		"a message that is no UTF-8":     {"[\"{\xff}\"]", 1007, 204},
		"a surrogate in UTF-8":           {"[\"\xed\xa0\x80\"]", 1007, 204},
		"an overlong NUL":                {"[\"\xc0\x80\"]", 1007, 204},
		"a large message":                {`["` + large + "xxxxx" + `"]`, 1009, 204},
		"a large body":                   {`["` + strings.Repeat("x", 300<<10) + `"]`, 1009, 413},
		"a large body of small messages": {"[" + strings.Repeat(`"{}",`, 100_000) + `"{}"]`, 1009, 413},
		"a large body of space":          {strings.Repeat(" ", 300<<10), 1009, 413},
	} {
		for kind, options := range map[string]relaytest.XHROptions{"streaming": {}, "polling": {Polling: true}} {
			t.Run(name+", "+kind, func(t *testing.T) {
				c := r.connect(options)
				status, _ := c.Post(test.body)
				if test.status != status && (test.status != 204 || status != 404) {
					t.Errorf("answered by %d, want %d", status, test.status)
				}
				if first := c.Next(); first.Kind == "message" {
					c.ExpectClose(test.code)
				} else if first.Kind != "close" || first.Code != test.code {
					t.Errorf("got %s, want %d", first, test.code)
				}
				if status, _ := c.Post("[]"); status != http.StatusNotFound {
					t.Errorf("a heartbeat after the end is answered by %d", status)
				}
			})
		}
	}
	r.awaitSessions(0)
}

// A body that is said to be huge, or has no end, is refused before it has come.
func TestHugeBodiesAreNotRead(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: shortGrace}})
	for _, action := range []string{"xhr_streaming", "xhr", "xhr_send"} {
		for name, header := range map[string]string{
			"said to be huge": "Content-Length: 1099511627776", "without end": "Transfer-Encoding: chunked",
		} {
			t.Run(action+", "+name, func(t *testing.T) {
				c := r.connect(relaytest.XHROptions{})
				conn := r.tcp()
				var writing sync.WaitGroup
				t.Cleanup(func() {
					conn.Close()
					writing.Wait()
				})
				writing.Go(func() { // until it is refused
					_, _ = io.WriteString(conn, "POST /pusher/app/ci/"+c.Session+"/"+action+" HTTP/1.1\r\nHost: relay\r\n"+header+"\r\n\r\n")
					chunk := strings.Repeat(" ", 1<<10)
					for err := error(nil); err == nil; {
						if strings.HasPrefix(header, "Transfer") {
							_, err = io.WriteString(conn, "400\r\n"+chunk+"\r\n")
						} else {
							_, err = io.WriteString(conn, chunk)
						}
					}
				})
				response, _ := headed(t, bufio.NewReader(conn), "POST")
				if response.StatusCode != http.StatusRequestEntityTooLarge {
					t.Errorf("answered by %s", response.Status)
				}
				expectShared(t, response.Header, "")
				conn.Close()
				if action != "xhr_send" {
					c.ExpectOpen()
					c.Cut()
					return
				}
				c.ExpectError(1009, "")
				c.ExpectClose(1009)
			})
		}
	}
	r.awaitSessions(0)
}

func TestSendsWithoutASessionAreNoSessions(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	c := r.connect(relaytest.XHROptions{Session: "7/00000000"})
	for i := range 2_000 {
		session := relaytest.NewSession()
		if i%2 == 0 {
			session = fmt.Sprintf("7/%08d", i+1)
		}
		response, _ := r.roundTrip(request("POST", "/pusher/app/ci/"+session+"/xhr_send", "[]", "Origin: https://a.example"))
		if response.StatusCode != http.StatusNotFound {
			t.Fatalf("a guess is answered by %s", response.Status)
		}
		expectShared(t, response.Header, "https://a.example")
	}
	c.ExpectOpen()
	r.awaitSessions(1)
}

// The same name with another key is another session.
func TestSessionsBelongToTheirKey(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	options := relaytest.XHROptions{Session: "417/9k2vd0ab"}
	mine := r.connect(options)
	for _, key := range []string{"none", "CI", "ci%20", "%63i%2f"} {
		response, _ := r.roundTrip(request("POST", "/pusher/app/"+key+"/"+options.Session+"/xhr_send", "[]"))
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("with the key %s a send is answered by %s", key, response.Status)
		}
	}
	others := relaytest.DialXHR(t, r.url("other"), options)
	others.Established()
	if mine.SocketID == others.SocketID {
		t.Error("two apps share a session")
	}
	others.Send(`{"event":"of other"}`)
	if text := others.Next().Text; !strings.Contains(text, "of other") {
		t.Errorf("got %s", text)
	}
	mine.ExpectOpen()
	r.awaitSessions(2)
}

func TestMethodsThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	c := r.connect(relaytest.XHROptions{})
	for action, allowed := range map[string]string{
		"xhr_streaming": "OPTIONS, POST, GET", "xhr": "OPTIONS, POST, GET", "xhr_send": "OPTIONS, POST",
	} {
		for _, method := range []string{
			"HEAD", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "post", "get", "OPTION", "OPT", "POS", "T", "S", "POST,GET", "BREW", "GET",
		} {
			if method == "GET" && action != "xhr_send" {
				continue
			}
			t.Run(action+" "+method, func(t *testing.T) {
				conn := r.tcp()
				tell(t, conn, request(method, "/pusher/app/ci/"+c.Session+"/"+action, "[]", "Origin: null"))
				response, _ := headed(t, bufio.NewReader(conn), method)
				if method == "POST,GET" && response.StatusCode == http.StatusBadRequest {
					return // net/http knows better
				}
				if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != allowed {
					t.Errorf("answered by %s, Allow: %q", response.Status, response.Header.Get("Allow"))
				}
				expectShared(t, response.Header, "null")
			})
		}
	}
	c.ExpectOpen()
	r.awaitSessions(1)
}

func TestPathsAreSessionsOrNothing(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: shortGrace}})
	for path, status := range map[string]int{
		"/pusher/app/ci/1/aaaaaaaa/xhr_streaming":             200,
		"/app/ci/1/aaaaaaaa/xhr_streaming":                    200,
		"/pusher/app/ci/999/0123456v/xhr_streaming":           200,
		"/pusher/app/%63%69/1/%61aaaaaaa/xhr%5fstreaming":     200,
		"/pusher/app/none/1/aaaaaaaa/xhr_streaming":           200, // and refused there
		"/pusher/app/a%2fb/1/aaaaaaaa/xhr_streaming":          200,
		"/pusher/app/%ff%00/1/aaaaaaaa/xhr_streaming":         200,
		"/pusher/app/ci/1/aaaaaaaa/xhr_streaming?a=%zz&;&==":  200,
		"/pusher/app/ci/1000/aaaaaaaa/xhr_streaming":          404,
		"/pusher/app/ci/-1/aaaaaaaa/xhr_streaming":            404,
		"/pusher/app/ci/+1/aaaaaaaa/xhr_streaming":            404,
		"/pusher/app/ci/001/aaaaaaaa/xhr_streaming":           404,
		"/pusher/app/ci/1e2/aaaaaaaa/xhr_streaming":           404,
		"/pusher/app/ci/١/aaaaaaaa/xhr_streaming":             404,
		"/pusher/app/ci/1/aaaaaaaw/xhr_streaming":             404,
		"/pusher/app/ci/1/AAAAAAAA/xhr_streaming":             404,
		"/pusher/app/ci/1/aaaaaaa/xhr_streaming":              404,
		"/pusher/app/ci/1/aaaaaaaaa/xhr_streaming":            404,
		"/pusher/app/ci/1/aaaa%00aaa/xhr_streaming":           404,
		"/pusher/app/ci/1/aaaa%2faaa/xhr_streaming":           404,
		"/pusher/app/ci/1/" + strings.Repeat("a", 8_000):      404,
		"/pusher/app/ci/1/aaaaaaaa/xhr_streaming/":            404,
		"/pusher/app/ci/1/aaaaaaaa/xhr_streaming/x":           404,
		"/pusher/app/ci/1/aaaaaaaa/XHR_STREAMING":             404,
		"/pusher/app/ci/1/aaaaaaaa/websocket":                 404,
		"/pusher/app/ci/1/aaaaaaaa/eventsource":               404,
		"/pusher/app/ci/1/aaaaaaaa/":                          404,
		"/pusher/app/ci/1/aaaaaaaa":                           404,
		"/pusher/app//1/aaaaaaaa/xhr_streaming":               404,
		"//pusher/app/ci/1/aaaaaaaa/xhr_streaming":            404,
		"/pusher/app/ci/./1/aaaaaaaa/xhr_streaming":           404,
		"/pusher/app/ci/1/aaaaaaaa/../aaaaaaab/xhr_streaming": 404,
		"/pusher/app/x/../ci/1/aaaaaaaa/xhr_streaming":        404,
		"/pusher/app/%2e%2e/app/ci/1/aaaaaaaa/xhr_streaming":  404,
		"/pusher/pusher/app/ci/1/aaaaaaaa/xhr_streaming":      404,
		"/Pusher/app/ci/1/aaaaaaaa/xhr_streaming":             404,
		"/pusher/app/ci/1/aaaaaaaa/xhr_streaming%00":          404,
		"/pusher/app/ci/%zz/aaaaaaaa/xhr_streaming":           400,
	} {
		t.Run(fmt.Sprintf("%.70s", path), func(t *testing.T) {
			conn := r.tcp()
			tell(t, conn, request("POST", path, ""))
			response, _ := headed(t, bufio.NewReader(conn), "POST")
			conn.Close()
			if response.StatusCode != status {
				t.Errorf("answered by %s, want %d", response.Status, status)
			}
		})
	}
	r.awaitSessions(0)
}

// A page of a foreign origin learns by the preflight that it may ask, and by the answer
// that it may not connect. The session of another is not harmed.
func TestForeignPagesDoNoHarm(t *testing.T) {
	t.Parallel()
	ci := app("ci")
	ci.Origins = []string{"https://good.com"}
	r := newFallbackRig(t, fallbackSetup{apps: []auth.App{ci}, config: transport.FallbackConfig{Grace: shortGrace}})
	c := r.connect(relaytest.XHROptions{Header: http.Header{"Origin": {"https://good.com"}}})
	for _, origin := range []string{
		"https://evil.example", "null", "https://good.com.evil", "http://good.com", "https://good.com, https://evil.example", "*",
	} {
		for _, action := range []string{"xhr_streaming", "xhr", "xhr_send"} {
			path := "/pusher/app/ci/" + c.Session + "/" + action
			asked, _ := r.roundTrip(request("OPTIONS", path, "", "Origin: "+origin,
				"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-evil"))
			if asked.StatusCode != http.StatusNoContent || asked.Header.Get("Access-Control-Allow-Methods") == "" {
				t.Errorf("%s asks for %s: %s %v", origin, action, asked.Status, asked.Header)
			}
			expectShared(t, asked.Header, origin)
			response, body := r.roundTrip(request("POST", path, map[bool]string{true: "[]"}[action == "xhr_send"], "Origin: "+origin))
			expectShared(t, response.Header, origin)
			refused := response.StatusCode == http.StatusOK && strings.Contains(body, "c[4009,")
			if action == "xhr_send" {
				refused = response.StatusCode == http.StatusForbidden
			}
			if !refused {
				t.Errorf("%s and %s: %s %q", origin, action, response.Status, body)
			}
		}
	}
	for site, code := range map[string]string{"cross-site": "c[4009,", "same-origin": "o\n", "none": "o\n", "": "o\n"} {
		path := "/pusher/app/ci/" + relaytest.NewSession() + "/xhr"
		if _, body := r.roundTrip(request("GET", path, "", "Sec-Fetch-Site: "+site)); !strings.Contains(body, code) || (code != "o\n") != strings.Contains(body, "c[") {
			t.Errorf("what is loaded by a page, %q, is %q", site, body)
		}
	}
	c.ExpectOpen()
	r.awaitSessions(1)
}

// A client does not look at what becomes of what it sends, so that it is told to come back.
func TestAMessageThatDoesNotArriveEndsTheSession(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	c := r.connect(relaytest.XHROptions{})
	conn := r.tcp()
	tell(t, conn, "POST /pusher/app/ci/"+c.Session+"/xhr_send HTTP/1.1\r\nHost: relay\r\nContent-Length: 100\r\n\r\n[\"{")
	conn.Close()
	c.ExpectError(4100, "A message was lost, reconnect")
	c.ExpectClose(4100)
	r.awaitSessions(0)
}
