package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// overSockJS are options for a page that falls back as pusher-js before 2.2 does. npm has
// none of these: the first that it has, with SockJS' own client, says the same.
func overSockJS(transport string) relaytest.PusherJSOptions {
	return relaytest.PusherJSOptions{Build: "web", Transports: []string{"sockjs"}, SockJS: transport, Terse: true}
}

func TestPusherJSSeesABuildOverSockJS(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"xhr-streaming", "xhr-polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			// Not every client answers heartbeats, and none is taken for gone because of that.
			env := map[string]string{"RELAY_PING_AFTER": "1s", "RELAY_PONG_TIMEOUT": "1s"}
			plainAndTLS(t, env, func(t *testing.T, w world) { seeBuildOverSockJS(t, w, transport) })
		})
	}
}

func seeBuildOverSockJS(t *testing.T, w world, transport string) {
	page := relaytest.StartPusherJS(t, "3.0.0", w.Relay, overSockJS(transport))
	id := page.ExpectState("connected").SocketID
	for _, channel := range []string{"news", "private-build-7", "presence-room"} {
		page.Subscribe(channel)
		page.ExpectSubscribed(channel)
	}
	w.Publish(relaytest.Trigger{Event: "own", Data: "1", Channels: []string{"news"}, SocketID: id})
	w.publish("others", "2", "news")
	page.ExpectEvent("news", "others")
	// More than a response may have.
	const lines = 200
	text := strings.Repeat("<&>é", 400)
	for n := range lines {
		w.tell(t, "private-build-7", fmt.Sprintf(`{"event":"line","data":{"n":%d,"text":%q}}`, n, text))
	}
	page.Expect("the last line", func(s relaytest.Said) bool {
		return s.Event == "line" && strings.HasPrefix(string(s.Data), `{"n":`+strconv.Itoa(lines-1)+`,`)
	})
	expectInTurn(t, page, lines)
	// Three silences, after each of which it could be taken for gone.
	watcher := w.Connect()
	for range 3 {
		watcher.AwaitPing()
	}
	page.Unsubscribe("news")
	w.Eventually("the channel is left", func() bool { return !w.occupied("news") })
	if got := page.States(); len(got) != 2 {
		t.Errorf("the page went through the states %q", got)
	}
	page.Disconnect()
	page.ExpectState("disconnected")
	w.ExpectMetric(`buildrelay_sessions{transport="`+strings.TrimPrefix(transport, "xhr-")+`"}`, "falls to 0", func(n float64) bool { return n == 0 })
}

// expectInTurn fails the test if the page was not given the lines from 0 to n, each once and
// in order, or was given an event that it is excluded from.
func expectInTurn(t *testing.T, page *relaytest.PusherJS, n int) {
	t.Helper()
	next := 0
	for _, said := range page.Said() {
		switch {
		case said.Event == "own":
			t.Error("the page got the event that it is excluded from")
		case said.Event != "line":
		case strings.HasPrefix(string(said.Data), fmt.Sprintf(`{"n":%d,`, next)):
			next++
		default:
			t.Fatalf("the page got %.20s… in the place of line %d", said.Data, next)
		}
	}
	if next != n {
		t.Errorf("the page got %d lines, want %d", next, n)
	}
}

func TestPusherJSOverSockJSWithABadKeyTriesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	refused := w.counting(`buildrelay_connections_refused_total{code="4001"}`)
	options := overSockJS("xhr-streaming")
	options.Key = "nokey"
	page := relaytest.StartPusherJS(t, "3.0.0", w.Relay, options)
	if got := page.ExpectError(); got.Code == nil || *got.Code != 4001 {
		t.Errorf("the page was told %+v, want 4001", got)
	}
	page.ExpectState("disconnected")
	refused(t, 1)
}

func TestSockJSSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const origin = "https://ci.example.com"
	response := w.ask(t, http.MethodGet, "/pusher/info?t=1", "", "Origin", origin)
	expectShared(t, response.Header, origin)
	var info struct {
		WebSocket                  *bool  `json:"websocket"`
		ServerHeartbeatInterval    int    `json:"server_heartbeat_interval"`
		Entropy                    uint32 `json:"entropy"`
		CookieNeeded, Base, Prefix any
	}
	if err := json.Unmarshal([]byte(wholeBody(t, response)), &info); err != nil || info.WebSocket == nil || *info.WebSocket || info.ServerHeartbeatInterval != 25_000 {
		t.Errorf("got %+v, %v", info, err)
	}
	for path, want := range map[string]int{
		"OPTIONS /pusher/info":                       204,
		"OPTIONS /pusher/007/abcdef_9/xhr_streaming": 204,
		"GET /pusher/007/abcdef_9/xhr_send":          405,
		"POST /pusher/7/abcdefgh/xhr":                404,
		"POST /pusher/0007/abcdefgh/xhr":             404,
		"POST /pusher/00a/abcdefgh/xhr":              404,
		"POST /pusher/007/abcdefg/xhr":               404,
		"POST /pusher/007/ABCDEFGH/xhr":              404,
		"POST /pusher/007/abcdefgh/xhr_send":         404, // nobody has it
		"GET /pusher/007/abcdefgh/websocket":         404,
		"GET /pusher/007/abcdefgh/jsonp":             404,
		"GET /pusher/007/abcdefgh/eventsource":       404,
		"GET /pusher/iframe.html":                    404,
		"GET /pusher":                                404,
		"POST /007/abcdefgh/xhr":                     404,
	} {
		method, path, _ := strings.Cut(path, " ")
		response := w.ask(t, method, path, `["x"]`, "Origin", origin)
		if response.StatusCode != want {
			t.Errorf("%s %s: got %d, want %d", method, path, response.StatusCode, want)
		}
	}
}

// The first message says which app the client wants; before it there is none.
func TestSockJSWantsToKnowTheApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := 0
	for name, test := range map[string]struct {
		first string
		want  string // begins what comes behind "o"
	}{
		"an app":             {`{"path":"/app/` + relaytest.Key + `?protocol=7&client=js&version=2.1.6"}`, `a["{\"event\":\"pusher:connection_established\"`},
		"an old protocol":    {`{"path":"/app/` + relaytest.Key + `?protocol=5&client=js&version=1.12.7"}`, `a["{\"event\":\"pusher:connection_established\"`},
		"an unknown app":     {`{"path":"/app/nokey?protocol=7"}`, `a["{\"event\":\"pusher:error\",\"data\":{\"code\":4001,`},
		"a protocol to come": {`{"path":"/app/` + relaytest.Key + `?protocol=8"}`, `a["{\"event\":\"pusher:error\",\"data\":{\"code\":4007,`},
		"another path":       {`{"path":"/apps/3/events"}`, `a["{\"event\":\"pusher:error\",\"data\":{\"code\":4005,`},
		"no path":            {`{"path":7}`, `a["{\"event\":\"pusher:error\",\"data\":{\"code\":4005,`},
		"a message":          {`{"event":"pusher:subscribe","data":{"channel":"news"}}`, `a["{\"event\":\"pusher:error\",\"data\":{\"code\":4005,`},
		"no JSON":            {`hello`, `a["{\"event\":\"pusher:error\",\"data\":{\"code\":4005,`},
	} {
		n++
		session := fmt.Sprintf("/pusher/%03d/abcdefgh/", n)
		w.run(t, name, func(t *testing.T, w world) {
			stream := bufio.NewReader(w.ask(t, http.MethodPost, session+"xhr_streaming", "").Body)
			for _, want := range []string{preludeLine, "o\n"} {
				if got := nextLine(t, stream); got != want {
					t.Fatalf("got %.40q, want %.40q", got, want)
				}
			}
			body, err := json.Marshal([]string{test.first})
			if err != nil {
				t.Fatal(err)
			}
			if got := w.ask(t, http.MethodPost, session+"xhr_send", string(body)).StatusCode; got != http.StatusNoContent {
				t.Errorf("the message was answered by %d", got)
			}
			if got := nextLine(t, stream); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q…", got, test.want)
			}
			if strings.Contains(test.want, "error") {
				if got := nextLine(t, stream); !strings.HasPrefix(got, "c[40") {
					t.Errorf("got %q, want a close", got)
				}
			}
		})
	}
}
