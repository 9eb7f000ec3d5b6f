package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// overFallbacks runs a subtest for both kinds of the fallback.
func overFallbacks(t *testing.T, test func(t *testing.T, options relaytest.XHROptions)) {
	t.Helper()
	for name, options := range fallbacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, options)
		})
	}
}

// Whatever node a request comes to, the client is told everything, once and in order.
func TestAnyNodeServesASession(t *testing.T) {
	t.Parallel()
	for _, count := range []int{2, 3} {
		for text, filler := range map[string]string{"ASCII": "x", "not ASCII": "é😀"} {
			t.Run(fmt.Sprintf("%d nodes, %s", count, text), func(t *testing.T) {
				t.Parallel()
				n := newFallbackNodes(t, count, keepLines(), nil)
				t.Run("by", func(t *testing.T) {
					overFallbacks(t, func(t *testing.T, options relaytest.XHROptions) {
						seeLinesAnywhere(t, n, options, filler)
					})
				})
				n.expectForwarded(t)
			})
		}
	}
}

// keepLines has Redis keep the lines of builds, so that nobody is too slow for them.
func keepLines() map[string]string { return map[string]string{"RELAY_LOG_RULES": "private-build-*"} }

// seeLinesAnywhere has a client see more lines than two responses hold, which come while it
// asks anew.
func seeLinesAnywhere(t *testing.T, n fallbackNodes, options relaytest.XHROptions, filler string) {
	const lines, units = 400, 1800
	c := n.connect(t, options)
	channel := "private-build-" + strings.ReplaceAll(c.Session, "/", "-")
	c.Subscribe(channel)
	filler = strings.Repeat(filler, units/len([]rune(filler)))
	for i := range lines {
		n.all[i%len(n.all)].publish("line", fmt.Sprintf("%d %s", i, filler), channel)
	}
	for i := range lines {
		got, rest, _ := strings.Cut(c.Expect("line").DataString(t), " ")
		if got != strconv.Itoa(i) || rest != filler {
			t.Fatalf("line %d came as %s", i, got)
		}
	}
	if got := c.Responses(); len(got) < 3 {
		t.Errorf("there were %d responses", len(got))
	}
	for range 2 * len(n.all) { // each comes to a node in turn
		c.ExpectOpen()
	}
}

// The node that has a session is killed: its client is told so, and finds another one.
func TestSessionsOfADeadNodeAreGone(t *testing.T) {
	t.Parallel()
	overFallbacks(t, func(t *testing.T, options relaytest.XHROptions) {
		n := newFallbackNodes(t, 2, nil, nil)
		c := n.connect(t, options)
		dead := n.all[n.owner(t)]
		survivor := n.all[1-n.owner(t)]
		dead.Kill()
		n.balancer.without(dead)
		if r := c.Next(); r.Kind != "cut" {
			t.Errorf("the client got %s", r)
		}
		for _, action := range []string{"xhr", "xhr_streaming", "xhr_send"} {
			response := survivor.ask(t, http.MethodPost, sessionPath(relaytest.Key, c.Session, action), `["{}"]`, "Origin", "https://ci.example.com")
			if response.StatusCode != http.StatusNotFound {
				t.Errorf("%s is answered by %s", action, response.Status)
			}
			expectShared(t, response.Header, "https://ci.example.com")
		}
		again := n.connect(t, options)
		again.Subscribe("news")
		survivor.publish("hello", "1", "news")
		again.Expect("hello")
	})
}

// A node that has a session says nothing any more, and closes nothing.
func TestSessionsOfANodeThatIsCutOffAreGivenUp(t *testing.T) {
	t.Parallel()
	n := newFallbackNodes(t, 2, map[string]string{"RELAY_PING_AFTER": "1s", "RELAY_WRITE_TIMEOUT": "1s"}, nil)
	edge := n.all[1]
	c, moved := n.all[0].ConnectXHR(relaytest.XHROptions{}), n.all[0].ConnectXHR(relaytest.XHROptions{})
	response := edge.ask(t, http.MethodPost, sessionPath(relaytest.Key, moved.Session, "xhr_streaming"), "")
	body := bufio.NewReader(response.Body)
	if got := nextLine(t, body); got != preludeLine {
		t.Errorf("the prelude is %q", got)
	}
	n.links[0].Swallow()
	if rest, err := io.ReadAll(body); err == nil {
		t.Errorf("the response ends well: %q", rest)
	}
	t.Run("a request", func(t *testing.T) {
		for _, action := range []string{"xhr", "xhr_streaming", "xhr_send"} {
			t.Run(action, func(t *testing.T) {
				t.Parallel()
				response := edge.ask(t, http.MethodPost, sessionPath(relaytest.Key, c.Session, action), "", "Origin", "https://ci.example.com")
				if response.StatusCode != http.StatusNotFound {
					t.Errorf("answered by %s", response.Status)
				}
				expectShared(t, response.Header, "https://ci.example.com")
			})
		}
	})
	edge.ConnectXHR(relaytest.XHROptions{Polling: true}).ExpectOpen()
	c.ExpectOpen()
}

// A node that stops sends clients elsewhere whose sessions it has not: polls go on without
// a loss, streams are closed by a code that has clients come again at once.
func TestANodeMayStopBesideTheOneWithTheSession(t *testing.T) {
	t.Parallel()
	overFallbacks(t, func(t *testing.T, options relaytest.XHROptions) {
		n := newFallbackNodes(t, 3, nil, nil)
		c := n.connect(t, options)
		c.Subscribe("news")
		owner := n.owner(t)
		if !options.Polling { // sees to it that it listens by another node
			for _, w := range n.all {
				w.again(t, c)
				c.ExpectOpen()
			}
		}
		for i, w := range n.all {
			if i != owner {
				n.all[owner].publish("before", "1", "news")
				c.Expect("before")
				n.balancer.without(w)
				w.Stop()
				n.all[owner].publish("after", "1", "news")
				if r := c.Next(); r.Kind == "close" && !options.Polling {
					if r.Code != 4200 {
						t.Errorf("the client got %s", r)
					}
					return
				} else if r.Event != "after" {
					t.Errorf("the client got %s", r)
				}
			}
		}
	})
}

// Nodes with another secret are strangers: they neither send on nor believe each other.
func TestNodesOfAnotherSecretShareNoSessions(t *testing.T) {
	t.Parallel()
	n := newFallbackNodes(t, 2, nil, func(i int) map[string]string {
		return map[string]string{"RELAY_CLUSTER_SECRET": clusterSecret + strconv.Itoa(i)}
	})
	c := n.all[0].ConnectXHR(relaytest.XHROptions{})
	c.Subscribe("news")
	if status := n.all[1].ask(t, http.MethodPost, sessionPath(relaytest.Key, c.Session, "xhr_send"), `["{}"]`).StatusCode; status != http.StatusNotFound {
		t.Errorf("the stranger answers what is sent by %d", status)
	}
	first := wholeBody(t, n.all[1].ask(t, http.MethodPost, sessionPath(relaytest.Key, c.Session, "xhr"), ""))
	if !strings.HasPrefix(first, "o\n") {
		t.Errorf("the stranger opens another session with %q", first)
	}
	n.all[1].publish("hello", "1", "news")
	c.Expect("hello")
	c.ExpectOpen()
	if n.forwarded("answered")+n.forwarded("failed") > 0 {
		t.Error("something was sent on")
	}
}

// Who claims to be a node makes no session and has nothing sent on; a node's word is good
// for its own request, and for a minute.
func TestWhoClaimsToBeANodeGetsNothing(t *testing.T) {
	t.Parallel()
	n := newFallbackNodes(t, 2, nil, nil)
	c := n.all[0].ConnectXHR(relaytest.XHROptions{})
	c.Subscribe("news")
	here, elsewhere := n.all[0], n.all[1]
	sign := func(path, body string, at time.Time) string {
		return auth.NewCluster(clusterSecret).SignForward(http.MethodPost, path, []byte(body), at)
	}
	for _, action := range []string{"xhr", "xhr_streaming", "xhr_send"} {
		body := map[string]string{"xhr_send": "[]"}[action]
		for _, session := range []string{c.Session, "7/unseen00"} {
			path := sessionPath(relaytest.Key, session, action)
			for name, said := range map[string]string{
				"a node's":      sign(path, body, time.Now()),
				"a replay":      sign(path, body, time.Now().Add(-61*time.Second)),
				"another's":     sign(path+"x", body, time.Now()),
				"of a stranger": auth.NewCluster("x").SignForward(http.MethodPost, path, []byte(body), time.Now()),
				"nonsense":      "yes",
				"nothing":       "",
			} {
				if status := elsewhere.ask(t, http.MethodPost, path, body, "X-Relay-Forwarded", said).StatusCode; status != http.StatusNotFound {
					t.Errorf("%s %s, %s: answered by %d", action, session, name, status)
				}
			}
		}
	}
	if n.forwarded("answered")+n.forwarded("failed") > 0 {
		t.Error("something was sent on")
	}
	if got := elsewhere.Metric(`buildrelay_sessions{transport="streaming"}`); got > 0 {
		t.Errorf("%v sessions were opened", got)
	}
	path := sessionPath(relaytest.Key, c.Session, "xhr_send")
	if status := here.ask(t, http.MethodPost, path, "[]", "X-Relay-Forwarded", sign(path, "[]", time.Now())).StatusCode; status != http.StatusNoContent {
		t.Errorf("the node that has the session answers another node by %d", status)
	}
	c.ExpectOpen()
}

// Without Redis a node serves its own sessions, and others find them when it is back.
func TestSessionsOutliveRedis(t *testing.T) {
	t.Parallel()
	overFallbacks(t, func(t *testing.T, options relaytest.XHROptions) {
		n := newFallbackNodes(t, 2, nil, nil)
		sends := func(w world, c *relaytest.XHRClient) {
			w.Eventually("every node knows the sessions", func() bool {
				return w.ask(t, http.MethodPost, sessionPath(relaytest.Key, c.Session, "xhr_send"), "[]").StatusCode == http.StatusNoContent
			})
		}
		before := n.all[0].ConnectXHR(options) // what polls goes on doing so there: without Redis it would open a new session elsewhere
		for _, w := range n.all {
			sends(w, before)
		}
		n.redis.Stop()
		during := []*relaytest.XHRClient{n.all[0].ConnectXHR(options), n.all[1].ConnectXHR(options)}
		for _, c := range during {
			c.ExpectOpen()
		}
		n.redis.Restart()
		sends(n.all[0], during[1])
		sends(n.all[1], during[0])
		for i, w := range n.all { // only now may what polls come to any of them
			sends(w, before)
			during[i].ExpectOpen()
		}
		if options.Polling {
			before.ExpectOpen()
		}
	})
}

func TestNodesReachEachOtherByTLS(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewCerts(t)
	env := relaytest.ServeTLS(certs)
	env["RELAY_NODE_URL"], env["RELAY_NODE_CA_FILE"] = "https://LINK", certs.CAFile
	n := newFallbackNodesTLS(t, certs, env)
	t.Run("by", func(t *testing.T) {
		overFallbacks(t, func(t *testing.T, options relaytest.XHROptions) {
			c := n.connect(t, options)
			for range 4 {
				c.ExpectOpen()
			}
		})
	})
	n.expectForwarded(t)
}

// A node with a name of its own is asked under that name.
func TestClientsAreToldTheNodesName(t *testing.T) {
	t.Parallel()
	n := newFallbackNodes(t, 2, nil, func(int) map[string]string { return map[string]string{"RELAY_NODE_HOSTNAME": "localhost"} })
	overFallbacks(t, func(t *testing.T, options relaytest.XHROptions) {
		c := n.connect(t, options)
		c.ExpectOpen()
		for _, r := range c.Received() {
			if r.Kind == "open" && r.Text != "localhost" {
				t.Errorf("the session opens at %q", r.Text)
			}
		}
	})
}

func TestPusherJSIsServedByAnyNode(t *testing.T) {
	t.Parallel()
	n := newFallbackNodes(t, 2, keepLines(), nil)
	t.Run("by", func(t *testing.T) {
		for _, transport := range []string{"xhr_streaming", "xhr_polling"} {
			t.Run(transport, func(t *testing.T) {
				t.Parallel()
				seeLinesInPage(t, n, transport)
			})
		}
	})
	n.expectForwarded(t)
}

func seeLinesInPage(t *testing.T, n fallbackNodes, transport string) {
	page := n.page(t, transport)
	channel := "private-build-" + transport
	page.Subscribe(channel)
	page.ExpectSubscribed(channel)
	var want, got []string
	filler := strings.Repeat("<&>é", 500)
	for i := range 300 {
		line := fmt.Sprintf("%d %s", i, filler)
		n.all[i%2].publish("line", line, channel)
		want = append(want, `"`+line+`"`)
	}
	for range want {
		got = append(got, string(page.ExpectEvent(channel, "line").Data))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (- wanted, + got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"connecting", "connected"}, page.States()); diff != "" {
		t.Errorf("states (- wanted, + got):\n%s", diff)
	}
	page.Disconnect()
	page.ExpectState("disconnected")
}

// A session of SockJS has no key in its paths, and is found all the same.
func TestAnyNodeServesSockJS(t *testing.T) {
	t.Parallel()
	n := newFallbackNodes(t, 2, nil, nil)
	const session = "/pusher/007/abcd_123/"
	if got := wholeBody(t, n.all[0].ask(t, http.MethodPost, session+"xhr", "")); got != "o\n" {
		t.Fatalf("the session opens with %q", got)
	}
	knock := `["{\"path\":\"/app/` + relaytest.Key + `?protocol=6&client=js&version=2.1.6\"}"]`
	if status := n.all[1].ask(t, http.MethodPost, session+"xhr_send", knock).StatusCode; status != http.StatusNoContent {
		t.Errorf("the knock is answered by %d", status)
	}
	if got := wholeBody(t, n.all[1].ask(t, http.MethodPost, session+"xhr", "")); !strings.HasPrefix(got, `a["{\"event\":\"pusher:connection_established\"`) {
		t.Errorf("then comes %q", got)
	}
	n.expectForwarded(t)
}
