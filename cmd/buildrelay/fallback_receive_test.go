package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// maxUnits is the length, in UTF-16 units, of a response that clients leave for the next.
const maxUnits = 262_144

// fillers are some 2 KB of data each.
var fillers = map[string]string{
	"ASCII":             strings.Repeat("x", 2_000),
	"accents":           strings.Repeat("é", 1_000),
	"surrogate pairs":   strings.Repeat("😀", 500),
	"a bit of anything": strings.Repeat("a\"é\n😀\u2028<&>\\\x00", 100),
}

// numbers publishes events that say their number, from one up to another, none further ahead of the
// reader, if there is one, than the relay lets it lag.
func numbers(t *testing.T, w world, reader *relaytest.Client, channel, filler string, from, to int) {
	t.Helper()
	const ahead = 30
	next := from
	for i := from; i < to; i++ {
		data, err := json.Marshal(fmt.Sprintf("%d %s", i, filler))
		if err != nil {
			t.Fatal(err)
		}
		w.tell(t, channel, `{"event":"n","data":`+string(data)+`}`)
		for ; reader != nil && next <= i-ahead; next++ {
			expectFilled(t, reader, next, filler)
		}
	}
	for ; reader != nil && next < to; next++ {
		expectFilled(t, reader, next, filler)
	}
}

func expectFilled(t *testing.T, reader *relaytest.Client, number int, filler string) {
	t.Helper()
	if got := reader.Expect("n").DataString(t); got != fmt.Sprintf("%d %s", number, filler) {
		t.Fatalf("got %.100q, want %d", got, number)
	}
}

// expectRotated looks at the lengths of a client's responses: they end when they are full,
// and only the first opens the session.
func expectRotated(t *testing.T, c *relaytest.XHRClient, polling bool, least int) {
	t.Helper()
	const largestFrame = 80 << 10 // of messages of 2 KB
	responses := c.Responses()
	for i, r := range responses {
		most := maxUnits
		if !polling {
			most += largestFrame
		}
		if r.Units > most || r.Opened != (i == 0) {
			t.Errorf("response %d has %d units, opens a session: %v", i, r.Units, r.Opened)
		}
		if !polling && i < len(responses)-1 && (r.Units <= maxUnits || r.Ended) {
			t.Errorf("response %d has %d units, ended: %v", i, r.Units, r.Ended)
		}
	}
	if len(responses) < least {
		t.Errorf("%d responses, want %d", len(responses), least)
	}
}

// Row 80 of protocol.md, section 9.
func TestFallbackLosesNothingWhenClientsAskAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, filler := range fillers {
		for kind, options := range fallbacks {
			w.run(t, name+", "+kind, func(t *testing.T, w world) {
				c := w.ConnectXHR(options)
				channel := strings.ReplaceAll(name, " ", "-") + kind
				c.Subscribe(channel)
				numbers(t, w, c.Client, channel, filler, 0, 300)
				c.ExpectOpen()
				if name == "ASCII" && kind == "streaming" {
					expectRotated(t, c, false, 3)
				}
				expectRotated(t, c, options.Polling, 1)
				c.Cut()
			})
		}
	}
}

// Row 80, with a client that takes its time to ask again: nothing is written behind the
// frame that makes the response too long, and what waits comes whole in the next.
func TestFallbackWaitsForTheNextRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, filler := range fillers {
		w.run(t, name, func(t *testing.T, w world) {
			channel := strings.ReplaceAll(name, " ", "-")
			c, witness := w.ConnectXHR(relaytest.XHROptions{Stays: true}), w.Connect()
			c.Subscribe(channel)
			witness.Subscribe(channel)
			last := 0
			full := func() bool {
				r := c.Responses()
				return r[len(r)-1].Units > maxUnits
			}
			for ; !full(); last++ {
				numbers(t, w, witness.Client, channel, filler, last, last+1)
				expectFilled(t, c.Client, last, filler)
			}
			units := c.Responses()[0].Units
			numbers(t, w, witness.Client, channel, filler, last, last+50)
			if status, _ := c.Post("[]"); status != http.StatusNoContent {
				t.Errorf("a heartbeat is answered by %d", status)
			}
			if got := c.Responses()[0]; got.Units != units || got.Ended {
				t.Errorf("to %d units came %d more, ended: %v", units, got.Units-units, got.Ended)
			}
			c.Again()
			for i := range 50 {
				expectFilled(t, c.Client, last+i, filler)
			}
			c.ExpectOpen()
			expectRotated(t, c, false, 2)
		})
	}
}

// A poll is answered by no more than a client takes, however much there is.
func TestFallbackPollsAreShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c, witness := w.ConnectXHR(relaytest.XHROptions{Polling: true}), w.Connect()
	c.Subscribe("news")
	witness.Subscribe("news")
	filler := fillers["a bit of anything"]
	for round := range 5 {
		c.Pause()
		numbers(t, w, witness.Client, "news", filler, 100*round, 100*(round+1))
		c.Hear()
		for i := range 100 {
			expectFilled(t, c.Client, 100*round+i, filler)
		}
	}
	expectRotated(t, c, true, 5)
}

// Row 81.
func TestFallbackRequestsReplaceEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, options := range fallbacks {
		w.run(t, name, func(t *testing.T, w world) {
			c := w.ConnectXHR(options)
			c.Subscribe("news-" + name)
			for i := range 20 {
				before := c.Beside()
				if unheard := before.ExpectEnd(); len(unheard) > 0 && (!options.Polling || len(unheard) > 1 || unheard[0] != "") {
					t.Errorf("on the response before came %q", unheard)
				}
				w.publish("n", fmt.Sprint(i), "news-"+name)
				if got := c.Expect("n").DataString(t); got != fmt.Sprint(i) {
					t.Errorf("got %s, want %d", got, i)
				}
			}
			c.ExpectOpen()
		})
	}
}

// Row 82, faster.
func TestFallbackHeartbeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_PING_AFTER": "1s", "RELAY_PONG_TIMEOUT": "2s"})
	w.run(t, "group", func(t *testing.T, w world) {
		for name, options := range fallbacks {
			w.run(t, name+", answered as pusher-js does", func(t *testing.T, w world) {
				t.Parallel()
				c := w.ConnectXHR(options)
				for range 5 { // longer than silence is borne
					c.AwaitHeartbeat()
				}
				c.ExpectOpen()
				for i, r := range c.Responses() {
					if options.Polling && r.Ended && i > 1 && r.Frames != 1 {
						t.Errorf("a poll has %d frames", r.Frames)
					}
				}
			})
			w.run(t, name+", not answered", func(t *testing.T, w world) {
				t.Parallel()
				muted := options
				muted.Mute = true
				c := w.ConnectXHR(muted)
				if options.Polling { // its polls are answers
					for range 5 {
						c.AwaitHeartbeat()
					}
					c.ExpectOpen()
					return
				}
				c.ExpectError(4201, "Pong reply not received in time")
				c.ExpectClose(4201)
			})
		}
	})
}

// Row 82, with the settings as they are.
func TestFallbackHeartbeatsComeWithinHalfAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	streaming, polling := w.ConnectXHR(relaytest.XHROptions{}), w.ConnectXHR(relaytest.XHROptions{Polling: true})
	streaming.AwaitHeartbeat()
	polling.AwaitHeartbeat()
	streaming.ExpectOpen()
	polling.ExpectOpen()
}

// Row 83.
func TestFallbackPolls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(t, "group", func(t *testing.T, w world) {
		session := relaytest.NewSession()
		path := sessionPath(relaytest.Key, session, "xhr") + pusherJSQuery
		first := w.ask(t, http.MethodPost, path, "")
		text := wholeBody(t, first)
		if text == "o\n" {
			first = w.ask(t, http.MethodPost, path, "")
			text += wholeBody(t, first)
		}
		opening, greeting, _ := strings.Cut(text, "o\n")
		if first.StatusCode != http.StatusOK || opening != "" || !establishedFrame.MatchString(greeting) {
			t.Fatalf("the first poll is answered by %s %q", first.Status, text)
		}
		if got := first.Header.Get("Content-Type"); got != "application/javascript; charset=UTF-8" {
			t.Errorf("Content-Type is %q", got)
		}
		for i, method := range []string{http.MethodPost, http.MethodGet, http.MethodPost} {
			conn := dialTCP(t, w)
			write(t, conn, method+" "+path+" HTTP/1.1\r\nHost: relay\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			w.ask(t, http.MethodPost, sessionPath(relaytest.Key, session, "xhr_send"), fmt.Sprintf(`["{\"event\":\"no-%d\"}"]`, i))
			if got := expectEOF(t, conn); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.Contains(got, fmt.Sprintf("no-%d", i)) {
				t.Errorf("a poll is answered by %q", got)
			}
		}
	})
}

// Row 84: with the time that a client has in truth to come back.
func TestFallbackSessionsEndWithoutAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(t, "group", func(t *testing.T, w world) {
		for name, options := range fallbacks {
			w.run(t, name, func(t *testing.T, w world) {
				t.Parallel()
				channel, news := "presence-"+name, "news-"+name
				witness, c := w.Connect(), w.ConnectXHR(options)
				witness.Join(channel, "witness")
				c.Join(channel, "c")
				witness.ExpectJoined(channel, "c")
				c.Subscribe(news)
				c.Abort()
				aborted := time.Now()
				witness.ExpectLeft(channel, "c")
				if waited := time.Since(aborted); waited < 9*time.Second {
					t.Errorf("given up after %v", waited)
				}
				w.Eventually("the channel is vacated", func() bool { return !w.occupied(news) })
				if status, _ := c.Post("[]"); status != http.StatusNotFound {
					t.Errorf("a send is answered by %d", status)
				}
				c.Again() // makes a session that pusher-js does not want
				if r := c.Next(); r.Kind != "garbage" || !strings.Contains(r.Text, "lost session") {
					t.Errorf("got %s", r)
				}
			})
		}
	})
}

// A client that comes back in time has missed nothing that was published meanwhile, and
// nobody has noticed.
func TestFallbackClientsComeBackInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, options := range fallbacks {
		w.run(t, name, func(t *testing.T, w world) {
			channel := "presence-back-" + name
			witness, c := w.Connect(), w.ConnectXHR(options)
			witness.Join(channel, "witness")
			c.Join(channel, "c")
			witness.ExpectJoined(channel, "c")
			for i := range 10 {
				noticed := w.leaving(t)
				c.Abort()
				noticed()
				numbers(t, w, witness.Client, channel, "", 10*i, 10*(i+1))
				c.Again()
				for n := range 10 {
					expectFilled(t, c.Client, 10*i+n, "")
				}
			}
			witness.ExpectOpen()
			c.ExpectOpen()
			c.Cut()
		})
	}
}
