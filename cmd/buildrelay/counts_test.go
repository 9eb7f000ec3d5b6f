package main_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

func TestSubscriptionCounts(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 3, map[string]string{"RELAY_APP_SUBSCRIPTION_COUNTS": "true"})
	n.run(t, "are told at each change", countsTold)
	n.run(t, "are not told where none belong", countsNotTold)
	n.run(t, "of many are told now and then", countsOfMany)
	n.run(t, "are answered by the API", countsAnswered)
}

// expectCount is Next, which must be the count of a channel.
func expectCount(t *testing.T, c *relaytest.WSClient, channel string) int {
	t.Helper()
	r := c.Expect("pusher_internal:subscription_count")
	var data map[string]int
	if err := json.Unmarshal([]byte(r.DataString(t)), &data); err != nil || len(data) != 1 || r.Channel != channel {
		t.Fatalf("the count of %s is %s: %v", channel, r.Text, err)
	}
	return data["subscription_count"]
}

// awaitCount passes over other counts.
func awaitCount(t *testing.T, c *relaytest.WSClient, channel string, want int) {
	t.Helper()
	for expectCount(t, c, channel) != want {
	}
}

func countsTold(t *testing.T, p place) {
	for _, kind := range []string{"news", "private-news", "cache-news"} {
		channel := p.own(kind)
		a, b := p.connect(0), p.connect(1)
		var told []int
		a.Subscribe(channel)
		if strings.HasPrefix(kind, "cache") {
			a.Expect("pusher:cache_miss")
		}
		told = append(told, expectCount(t, a, channel))
		b.Request(channel, "")
		b.Expect("pusher_internal:subscription_succeeded")
		told = append(told, expectCount(t, a, channel))
		if strings.HasPrefix(kind, "cache") {
			b.Expect("pusher:cache_miss")
		}
		awaitCount(t, b, channel, 2)
		b.Cut()
		told = append(told, expectCount(t, a, channel))
		if diff := cmp.Diff([]int{1, 2, 1}, told); diff != "" {
			t.Errorf("counts of %s (- wanted, + got):\n%s", channel, diff)
		}
		a.ExpectOpen()
	}
}

func countsNotTold(t *testing.T, p place) {
	a, b := p.connect(0), p.connect(1)
	for _, c := range []*relaytest.WSClient{a, b} {
		c.SigninWith(`{"id":"` + p.own("u") + `"}`)
		for _, channel := range []string{p.own("private-encrypted-x"), "#server-to-user-" + p.own("u")} {
			c.Subscribe(channel)
		}
		c.Join(p.own("presence-x"), p.own("u"))
	}
	for _, c := range []*relaytest.WSClient{a, b} {
		c.Subscribe(p.own("counted"))
	}
	awaitCount(t, a, p.own("counted"), 2) // and nothing else came
	awaitCount(t, b, p.own("counted"), 2)
}

// Each change of a channel with more than 100 subscriptions would be told to all of
// them; so it is told at most every five seconds.
func countsOfMany(t *testing.T, p place) {
	channel := p.own("many")
	begun := time.Now()
	a := p.connect(0)
	a.Subscribe(channel)
	const all = 160
	for i := range all - 1 {
		p.connect(i).Subscribe(channel)
	}
	over, last := 0, 0
	for last != all {
		if last = expectCount(t, a, channel); last > 100 {
			over++
		}
	}
	if most := 2 + int(time.Since(begun)/(5*time.Second)); over > most {
		t.Errorf("%d counts of more than 100 were told, at most %d should have been", over, most)
	}
}

func countsAnswered(t *testing.T, p place) {
	channel, presence := p.own("asked"), p.own("presence-asked")
	for i := range 5 {
		c := p.connect(i)
		c.Subscribe(channel)
		awaitCount(t, c, channel, i+1)
		c.Join(presence, []string{"x", "y"}[i%2])
	}
	for i := range p.nodes {
		w := p.on(i)
		for _, ask := range []struct {
			path string
			with url.Values
			want string
		}{
			{"/channels/" + channel, url.Values{"info": {"subscription_count"}}, `{"occupied":true,"subscription_count":5}`},
			{"/channels/" + presence, url.Values{"info": {"user_count"}}, `{"occupied":true,"user_count":2}`},
			{"/channels", url.Values{"info": {"user_count"}, "filter_by_prefix": {presence}}, `{"channels":{"` + presence + `":{"user_count":2}}}`},
			{"/channels/nobody", url.Values{"info": {"subscription_count"}}, `{"occupied":false,"subscription_count":0}`},
		} {
			if status, reply := w.RequestWith(http.MethodGet, ask.path, ask.with, ""); status != http.StatusOK || !sameJSON(t, reply, ask.want) {
				t.Errorf("%s %v is answered by %d %s, want %s", ask.path, ask.with, status, reply, ask.want)
			}
		}
		const want = `{"channels":{"%":{"subscription_count":5},"presence-%":{"user_count":2}}}`
		body := `{"name":"e","data":"d","channels":["` + channel + `","` + presence + `"],"info":"subscription_count,user_count"}`
		if status, reply := w.Request(http.MethodPost, "/events", body); status != http.StatusOK || !sameJSON(t, reply, strings.ReplaceAll(want, "%", channel)) {
			t.Errorf("publishing is answered by %d %s", status, reply)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Errorf("%s is no JSON: %v", a, err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return cmp.Equal(x, y)
}
