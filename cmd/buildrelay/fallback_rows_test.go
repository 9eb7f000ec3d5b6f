package main_test

import (
	"bufio"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

const pusherJSQuery = "?protocol=7&client=js&version=8.6.0&t=1700000000000&n=1"

// Row 74 of protocol.md, section 9.
func TestFallbackAnswersPreflights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_ORIGINS": "https://ci.example.com"})
	for _, action := range []string{"xhr_streaming", "xhr", "xhr_send"} {
		for _, origin := range []string{"https://ci.example.com", "https://foreign.example", "null", ""} {
			w.run(t, action+" from "+origin, func(t *testing.T, w world) {
				headers := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}
				if origin != "" {
					headers = append(headers, "Origin", origin)
				}
				response := w.ask(t, http.MethodOptions, sessionPath(relaytest.Key, "1/aaaaaaaa", action)+pusherJSQuery, "", headers...)
				if body := wholeBody(t, response); response.StatusCode != http.StatusNoContent || body != "" {
					t.Errorf("answered by %s %q", response.Status, body)
				}
				expectShared(t, response.Header, origin)
				if got := response.Header.Get("Access-Control-Allow-Headers"); !strings.EqualFold(got, "content-type") {
					t.Errorf("Access-Control-Allow-Headers is %q", got)
				}
				if got := response.Header.Get("Access-Control-Allow-Methods"); !strings.Contains(got, "POST") {
					t.Errorf("Access-Control-Allow-Methods is %q", got)
				}
				if got := response.Header.Get("Access-Control-Max-Age"); got == "" {
					t.Error("no Access-Control-Max-Age")
				}
			})
		}
	}
}

var establishedFrame = regexp.MustCompile(`^a\["\{\\"event\\":\\"pusher:connection_established\\",\\"data\\":\\"\{` +
	`\\\\\\"socket_id\\\\\\":\\\\\\"\d+\.\d+\\\\\\",\\\\\\"activity_timeout\\\\\\":120\}\\"\}"\]\n$`)

// Row 75.
func TestFallbackStreams(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		const session = "1/aaaaaaaa"
		response := w.ask(t, http.MethodPost, sessionPath(relaytest.Key, session, "xhr_streaming")+pusherJSQuery, "", "Origin", "https://ci.example.com")
		if response.StatusCode != http.StatusOK || response.ContentLength >= 0 {
			t.Errorf("answered by %s, length %d", response.Status, response.ContentLength)
		}
		expectShared(t, response.Header, "https://ci.example.com")
		for name, want := range map[string]string{
			"Content-Type":      "application/javascript; charset=UTF-8",
			"Cache-Control":     "no-store, no-cache, no-transform, must-revalidate, max-age=0",
			"X-Accel-Buffering": "no",
			"Content-Encoding":  "",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		body := bufio.NewReader(response.Body)
		if got := nextLine(t, body); got != preludeLine {
			t.Errorf("the prelude is %q", got)
		}
		if got := nextLine(t, body); got != "o\n" {
			t.Errorf("the session opens with %q", got)
		}
		if got := nextLine(t, body); !establishedFrame.MatchString(got) {
			t.Errorf("the first message is %q", got)
		}
		for i := range 3 { // each comes at once: nothing else is written before it is read
			w.ask(t, http.MethodPost, sessionPath(relaytest.Key, session, "xhr_send"), fmt.Sprintf(`["{\"event\":\"no-%d\"}"]`, i))
			if got := nextLine(t, body); !strings.Contains(got, fmt.Sprintf("no-%d", i)) {
				t.Errorf("got %q", got)
			}
		}
	})
}

// Row 75, without /pusher: a client's httpPath may be empty.
func TestFallbackIsServedWithoutItsPathToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, options := range fallbacks {
		w.run(t, name, func(t *testing.T, w world) {
			c := relaytest.DialXHR(t, w.URL()+"/app/"+relaytest.Key, options)
			c.Established()
			c.Subscribe("news")
			c.ExpectOpen()
		})
	}
}

// Row 76.
func TestFallbackTakesMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, options := range fallbacks {
		w.run(t, name, func(t *testing.T, w world) {
			c := w.ConnectXHR(options)
			for i, contentType := range []string{"", "application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "nonsense"} {
				channel := fmt.Sprintf("news-%d", i)
				message := strings.ReplaceAll(subscribing(`"auth":"","channel":"`+channel+`"`), `"`, `\"`)
				response := w.ask(t, http.MethodPost, sessionPath(relaytest.Key, c.Session, "xhr_send")+"?t=1&n=2", `["`+message+`"]`,
					"Content-Type", contentType, "Origin", "null")
				if body := wholeBody(t, response); response.StatusCode != http.StatusNoContent || body != "" {
					t.Errorf("%s: answered by %s %q", contentType, response.Status, body)
				}
				expectShared(t, response.Header, "null")
				if r := c.Expect("pusher_internal:subscription_succeeded"); r.Channel != channel {
					t.Errorf("subscribed to %s", r.Channel)
				}
			}
			for body, want := range map[string][]string{
				` [ "{\"event\":\"pusher:ping\"}" , "{\"event\":\"pusher:ping\"}" ] `: {"pusher:pong", "pusher:pong"},
				`["\u007b\"event\":\"pusher:ping\"}"]`:                                {"pusher:pong"},
			} {
				if status, reply := c.Post(body); status != http.StatusNoContent {
					t.Errorf("%s is answered by %d %s", body, status, reply)
				}
				for _, event := range want {
					c.Expect(event)
				}
			}
			c.ExpectOpen()
		})
	}
}

// Row 77.
func TestFallbackAnswersNoHeartbeatWithAHeartbeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.ConnectXHR(relaytest.XHROptions{})
	for range 50 {
		if status, reply := c.Post("[]"); status != http.StatusNoContent || reply != "" {
			t.Errorf("a heartbeat is answered by %d %q", status, reply)
		}
	}
	c.ExpectOpen()
	for _, r := range c.Received() {
		if r.Kind == "heartbeat" {
			t.Errorf("got %s", r)
		}
	}
}

// Row 78.
func TestFallbackRefusesWhatItCannotTake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.ConnectXHR(relaytest.XHROptions{})
	unopened := relaytest.NewSession()
	for name, test := range map[string]struct {
		key, session, body string
		status             int
		reply              string
	}{
		"unknown session":        {relaytest.Key, unopened, `["{}"]`, 404, ""},
		"heartbeat of a stale":   {relaytest.Key, unopened, `[]`, 404, ""},
		"another key":            {"nokey", c.Session, `[]`, 404, ""},
		"another server":         {relaytest.Key, "1000" + c.Session[strings.Index(c.Session, "/"):], `[]`, 404, ""},
		"broken JSON":            {relaytest.Key, c.Session, `["{}"`, 500, "Broken JSON encoding."},
		"an object":              {relaytest.Key, c.Session, `{}`, 500, "Broken JSON encoding."},
		"messages as objects":    {relaytest.Key, c.Session, `[{}]`, 500, "Broken JSON encoding."},
		"an empty body":          {relaytest.Key, c.Session, ``, 500, "Payload expected."},
		"broken JSON of a stale": {relaytest.Key, unopened, `[`, 404, ""},
	} {
		w.run(t, name, func(t *testing.T, w world) {
			response := w.ask(t, http.MethodPost, sessionPath(test.key, test.session, "xhr_send"), test.body, "Origin", "https://ci.example.com")
			reply := wholeBody(t, response)
			if response.StatusCode != test.status || test.reply != "" && strings.TrimSpace(reply) != test.reply {
				t.Errorf("answered by %s %q, want %d %q", response.Status, reply, test.status, test.reply)
			}
			expectShared(t, response.Header, "https://ci.example.com")
		})
	}
	c.ExpectOpen()
}

// Row 79, and the other refusals.
func TestFallbackTellsRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_ORIGINS": "https://ci.example.com"})
	settled := w.settled(t)
	for name, test := range map[string]struct {
		key, query, origin string
		code               int
	}{
		"an unknown key":    {"nokey", "?protocol=7", "", 4001},
		"protocol 3":        {relaytest.Key, "?protocol=3", "", 4007},
		"protocol 8":        {relaytest.Key, "?protocol=8", "", 4007},
		"protocol of words": {relaytest.Key, "?protocol=seven", "", 4006},
		"a foreign page":    {relaytest.Key, "?protocol=7", "https://foreign.example", 4009},
		"an opaque origin":  {relaytest.Key, "?protocol=7", "null", 4009},
	} {
		for _, action := range []string{"xhr_streaming", "xhr"} {
			w.run(t, name+", "+action, func(t *testing.T, w world) {
				refused := w.counting(fmt.Sprintf(`buildrelay_connections_refused_total{code="%d"}`, test.code))
				var headers []string
				if test.origin != "" {
					headers = []string{"Origin", test.origin}
				}
				path := sessionPath(test.key, relaytest.NewSession(), action) + test.query
				response := w.ask(t, http.MethodPost, path, "", headers...)
				expectShared(t, response.Header, test.origin)
				expectRefusal(t, response, action == "xhr_streaming", test.code)
				refused(t, 1)
				// Nothing is kept: it is refused once more, and nobody can send.
				expectRefusal(t, w.ask(t, http.MethodPost, path, "", headers...), action == "xhr_streaming", test.code)
				if got := w.ask(t, http.MethodPost, strings.Replace(path, action, "xhr_send", 1), "[]"); got.StatusCode != http.StatusNotFound {
					t.Errorf("a send is answered by %s", got.Status)
				}
			})
		}
	}
	settled()
	w.ConnectXHR(relaytest.XHROptions{Header: http.Header{"Origin": {"https://ci.example.com"}}}).ExpectOpen()
}

// expectRefusal expects a whole response that opens a session and closes it with a code.
func expectRefusal(t *testing.T, response *answered, streams bool, code int) {
	t.Helper()
	text := wholeBody(t, response)
	lines := slices.Collect(strings.Lines(text))
	if streams && len(lines) > 0 && lines[0] == preludeLine {
		lines = lines[1:]
	} else if streams {
		t.Errorf("no prelude before %q", text)
	}
	if response.StatusCode != http.StatusOK || len(lines) != 3 || lines[0] != "o\n" ||
		!strings.HasPrefix(lines[1], fmt.Sprintf(`a["{\"event\":\"pusher:error\",\"data\":{\"code\":%d,`, code)) ||
		!strings.HasPrefix(lines[2], fmt.Sprintf(`c[%d,"`, code)) || !strings.HasSuffix(lines[2], "\"]\n") {
		t.Errorf("refused by %s %q, want %d", response.Status, lines, code)
	}
}

// A foreign page sends nothing into another's session, even if it knows its name.
func TestForeignPagesDoNotSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_ORIGINS": "https://ci.example.com"})
	c := w.ConnectXHR(relaytest.XHROptions{})
	for origin, want := range map[string]int{
		"https://foreign.example": 403, "null": 403, "https://ci.example.com": 204, "https://CI.example.com": 204, "": 204,
	} {
		var headers []string
		if origin != "" {
			headers = []string{"Origin", origin}
		}
		response := w.ask(t, http.MethodPost, sessionPath(relaytest.Key, c.Session, "xhr_send"), `["{\"event\":\"pusher:ping\"}"]`, headers...)
		if response.StatusCode != want {
			t.Errorf("from %q: %s, want %d", origin, response.Status, want)
		}
		expectShared(t, response.Header, origin)
		if want == http.StatusNoContent {
			c.Expect("pusher:pong")
		}
	}
	c.ExpectOpen()
}
