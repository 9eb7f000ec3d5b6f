package main_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// What a build's page needs, from the connection to the last event.
func TestEventsComeFromTheAPIAndFromRedis(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		a, b := w.Connect(), w.Connect()
		for _, c := range []*relaytest.WSClient{a, b} {
			c.Subscribe("news")
			c.Subscribe("private-r")
		}
		data := []string{"plain", `{"a":"<&>é"}`, "", `""`, "\u2028\u0000\b\f\n\r\t\"\\/", "😀\ufffd", strings.Repeat("é", 5120)}
		for _, channel := range []string{"news", "private-r"} {
			for _, d := range data {
				w.Publish(relaytest.Trigger{Event: "e", Channels: []string{channel}, Data: d, SocketID: a.SocketID})
				if got := b.Expect("e"); got.DataString(t) != d || got.Channel != channel {
					t.Errorf("published %q on %s, got %s", d, channel, got)
				}
				quoted, _ := json.Marshal(d)
				w.tell(t, channel, `{"event":"e","data":`+string(quoted)+`,"socket_id":"`+a.SocketID+`"}`)
				if got := b.Expect("e"); got.DataString(t) != d || got.Channel != channel {
					t.Errorf("published %q on %s through Redis, got %s", d, channel, got)
				}
			}
		}
		a.ExpectOpen() // it was excluded from all of them
		w.publish("bytes", `{"a":"<&>é"}`, "news")
		if text := a.Expect("bytes").Text; !strings.Contains(text, `<&>é`) {
			t.Errorf("the data was changed on its way: %s", text)
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(t, "go to each channel once", func(t *testing.T, w world) {
		c := w.Connect()
		c.Subscribe("one")
		c.Subscribe("two")
		w.publish("e", "{}", "one", "two", "one", "nobody")
		got := map[string]int{}
		for range 2 {
			got[c.Expect("e").Channel]++
		}
		if got["one"] != 1 || got["two"] != 1 {
			t.Errorf("got %v", got)
		}
		c.ExpectOpen()
	})
	w.run(t, "have names of 200 characters of any kind", func(t *testing.T, w world) {
		c := w.Connect()
		c.Subscribe("names")
		for _, start := range []string{`App\Events\X`, "Événement 😀 ", `"<&>`} {
			name := start + strings.Repeat("é", 200-len([]rune(start)))
			w.publish(name, "{}", "names")
			c.Expect(name)
			body, _ := json.Marshal(map[string]string{"name": name + "x", "channel": "names", "data": "{}"})
			if status, reply := w.Request(http.MethodPost, "/events", string(body)); status != http.StatusBadRequest {
				t.Errorf("201 characters: %d %s", status, reply)
			}
		}
		c.ExpectOpen()
	})
	w.run(t, "never come before their subscription's success", func(t *testing.T, w world) {
		c := w.Connect()
		for round := range 5 {
			channel := "race-" + strconv.Itoa(round)
			c.Send(subscribing(`"channel":"` + channel + `"`))
			for i := 1; i <= 100; i++ {
				w.tell(t, channel, `{"event":"n","data":`+strconv.Itoa(i)+`}`)
			}
			if r := c.Expect("pusher_internal:subscription_succeeded"); r.Channel != channel {
				t.Fatalf("got %s", r)
			}
			for next := 0; next != 100; {
				n, err := strconv.Atoi(c.Expect("n").DataString(t))
				if err != nil || next != 0 && n != next+1 {
					t.Fatalf("%d after %d: %v", n, next, err)
				}
				next = n
			}
		}
	})
	w.run(t, "follow a success without a gap", func(t *testing.T, w world) {
		c := w.Connect()
		c.Subscribe("after")
		for i := range 100 {
			w.publish("n", strconv.Itoa(i), "after")
		}
		for i := range 100 {
			if got := c.Expect("n").DataString(t); got != strconv.Itoa(i) {
				t.Fatalf("got %s, want %d", got, i)
			}
		}
	})
	w.run(t, "of encrypted channels are passed on to the byte", func(t *testing.T, w world) {
		c := w.Connect()
		c.Subscribe("private-encrypted-x")
		sealed := `{"nonce":"bm9uY2Vub25jZW5vbmNlbm9uY2Vub24=","ciphertext":"Y2lwaGVydGV4dA=="}`
		w.publish("e", sealed, "private-encrypted-x")
		if got := c.Expect("e").DataString(t); got != sealed {
			t.Errorf("got %s", got)
		}
	})
	w.run(t, "exclude nobody where the socket is unknown", func(t *testing.T, w world) {
		c := w.Connect()
		c.Subscribe("excluded")
		w.Publish(relaytest.Trigger{Event: "e", Channels: []string{"excluded"}, Data: "{}", SocketID: "1.2"})
		c.Expect("e")
	})
	w.run(t, "come to all of many readers", func(t *testing.T, w world) {
		readers := make([]*relaytest.WSClient, 200)
		for i := range readers {
			readers[i] = w.Connect()
			readers[i].Subscribe("crowd")
		}
		for i := range 5 {
			w.publish("n", strconv.Itoa(i), "crowd")
		}
		for _, r := range readers {
			for i := range 5 {
				if got := r.Expect("n").DataString(t); got != strconv.Itoa(i) {
					t.Fatalf("got %s, want %d", got, i)
				}
			}
		}
	})
}
