package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

func TestPublishAppendsToLogsByTheirRule(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		l.rule = protocol.LogRule{Events: 3, Bytes: 4096, Keep: 90 * time.Second}
		lines := int64(7)
		receipt, err := l.Publish(t.Context(), "1", []protocol.Event{
			{Name: "e", Channel: "a", Data: "1", ID: "x"},
			{Name: "e", Channel: "b", Data: "2"},
			{Name: "e", Channel: "a", Data: "3", Exclude: "1.2"},
			{Name: "e", Channel: "a", Data: "4", ID: "x"},
			{Name: "e", Channel: "a", Data: "5", Append: &protocol.Append{Final: &protocol.Final{Lines: &lines}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		p := receipt.Positions
		if len(p) != 5 || p[0].ID.Offset != 1 || p[1].ID.Offset != 1 || p[2].ID.Offset != 2 || p[3] != p[0] || p[4].ID.Offset != 3 || receipt.Watched {
			t.Errorf("receipt %+v", receipt)
		}
		page := l.read(first)
		if diff := cmp.Diff([]string{"1", "3", "5"}, datas(page)); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		if e := page.Entries[1]; e.Exclude != "1.2" {
			t.Errorf("not to %q", e.Exclude)
		}
		if f := page.Entries[2].Link.Final; f == nil || f.Lines == nil || *f.Lines != 7 || f.Bytes != nil {
			t.Errorf("final %+v", f)
		}
		meta := l.client.HGetAll(t.Context(), key+":meta").Val()
		if meta["maxlen"] != "3" || meta["maxbytes"] != "4096" || meta["ttl"] != "90" {
			t.Errorf("limits %v", meta)
		}

		_, err = l.Publish(t.Context(), "1", events("a", "6"))
		if !errors.Is(err, protocol.ErrLogClosed) || !strings.Contains(err.Error(), "LOGCLOSED") {
			t.Errorf("appending to a closed log: %v", err)
		}
		begun, err := l.Publish(t.Context(), "1", []protocol.Event{{Name: "e", Channel: "a", Data: "7", Append: &protocol.Append{Begin: true}}})
		if err != nil || begun.Positions[0].Epoch == p[0].Epoch {
			t.Errorf("beginning anew: %+v, %v", begun, err)
		}
		_, err = l.Publish(t.Context(), "1", []protocol.Event{{Name: "e", Channel: "a", Data: "8", Append: &protocol.Append{Epoch: p[0].Epoch}}})
		if !errors.Is(err, protocol.ErrLogGone) {
			t.Errorf("appending to the log that was: %v", err)
		}
	})
}

// What one client sends to others is live on log channels, too.
func TestWhatHasASenderIsNotKept(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		r := startRig(t, "redis://"+l.client.Options().Addr, logChannels)
		r.Watch("1", "a")
		r.expect("confirmed 1 a")
		receipt, err := r.Publish(t.Context(), "1", []protocol.Event{{Name: "client-e", Channel: "a", Data: "1", UserID: "u"}})
		if err != nil || receipt.Positions[0] != (protocol.Position{}) {
			t.Errorf("receipt %+v (%v)", receipt, err)
		}
		r.expect("event 1 a client-e 1")
		if page := l.read(first); page.Top != (protocol.Position{}) {
			t.Errorf("there is a log that ends at %s", page.Top)
		}
	})
}

func TestAppendedEventsAreHeardWithTheirPlace(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		r := startRig(t, "redis://"+l.client.Options().Addr, logChannels)
		r.Watch("1", "a")
		r.expect("confirmed 1 a")
		one := l.mustAppend("e", "by a backend", "", `{"socket_id":"1.2"}`)
		receipt, err := r.Publish(t.Context(), "1", []protocol.Event{event("a", "by the relay"), event("live", "x")})
		if err != nil || receipt.Positions[1] != (protocol.Position{}) {
			t.Fatal(receipt, err)
		}
		two := receipt.Positions[0]
		l.mustAppend("e", "the end", "", `{"final":true}`)
		l.do("PUBLISH", "buildrelay:1:a", `{"event":"e","data":"live"}`)
		r.expect(
			fmt.Sprintf("event 1 a e by a backend not to 1.2 at %s after 0-0", one),
			fmt.Sprintf("event 1 a e by the relay at %s after %s", two, one.ID),
		)
		if got := r.told.next(t, "the end"); !strings.HasPrefix(got, "event 1 a e the end at "+one.Epoch+":3-") || !strings.HasSuffix(got, " final") {
			t.Errorf("told %q", got)
		}
		r.expect("event 1 a e live")
		if r.dropped("invalid") != 0 {
			t.Error("something was dropped")
		}
	})
}

func TestAppendedMessagesThatMakeNoSenseAreDropped(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), logChannels, slanger(false))
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	messages := []string{
		"relay1 ", "relay1 \n", "relay1 0123456789abcdef 2-1 1-1 1 9999 0 0\nx", "relay1 0123456789abcdef 2-1 1-1 1 1 0 0\n\xff",
		"relay1 0123456789abcdef 3-1 1-1 1 1 0 0\ne", "relay1 0123456789abcdef 2-1 1-1 1 7 0 0\npusher:",
	}
	for i, message := range messages {
		send(t, server, "buildrelay:1:a", message)
		send(t, server, "buildrelay:1:a", `{"event":"end","data":""}`)
		r.expect("event 1 a end ")
		if got := r.dropped("invalid"); got != float64(i+1) {
			t.Errorf("%q: %v dropped, want %d", message, got, i+1)
		}
	}
	// Slanger's contract knows no such messages.
	send(t, server, "a", "relay1 0123456789abcdef 2-1 1-1 1 1 0 0\ne")
	send(t, server, "buildrelay:1:a", `{"event":"end","data":""}`)
	r.expect("event 1 a end ")
	if got := r.dropped("invalid"); got != float64(len(messages)+1) {
		t.Errorf("%v dropped", got)
	}
	if r.links() != 1 {
		t.Errorf("%v links, want 1", r.links())
	}
}

// Redis forgets the script time and again while events are published, and another node
// tells it again. Each event joins once, in order.
func TestNothingIsLostOrDoubledWhenScriptsAreFlushed(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		stop := make(chan struct{})
		var flushing sync.WaitGroup
		flushing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					l.client.ScriptFlush(t.Context())
					l.client.ScriptLoad(t.Context(), appendScript) // by another node
				}
			}
		})
		const calls, each = 30, 5
		var want []string
		for i := range calls {
			batch := numbers(i*each+1, i*each+each)
			want = append(want, batch...)
			for { // a flush between the loading and the calling is told, not repeated for ever
				if _, err := l.Publish(t.Context(), "1", named(batch)); err == nil {
					break
				} else if !strings.Contains(err.Error(), "NOSCRIPT") {
					t.Fatal(err)
				}
			}
		}
		close(stop)
		flushing.Wait()
		if diff := cmp.Diff(want, datas(l.read(first))); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
	})
}

// named are events that have ids, so that they can be published again.
func named(data []string) []protocol.Event {
	all := events("a", data...)
	for i := range all {
		all[i].ID = all[i].Data
	}
	return all
}

func TestAScriptThatRedisForgotIsLoadedAgain(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		for i := range 5 {
			if err := l.client.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Publish(t.Context(), "1", append(events("a", "x", "y"), event("b", "z"))); err != nil {
				t.Fatal(err)
			}
			if err := l.client.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if page := l.read(first); len(page.Entries) != 2*(i+1) {
				t.Errorf("%d entries, want %d", len(page.Entries), 2*(i+1))
			}
		}
	})
}

func TestWritersAtOnceShareOneDenseOrder(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		const writers, calls, each = 4, 10, 3
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				for c := range calls {
					var batch []protocol.Event
					for i := range each {
						batch = append(batch, event("a", fmt.Sprintf("%d %d", w, c*each+i)))
					}
					if _, err := l.Publish(t.Context(), "1", batch); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writing.Wait()
		page := l.read(first)
		next := make([]int, writers)
		for i, e := range page.Entries {
			var w, n int
			if _, err := fmt.Sscan(e.Data, &w, &n); err != nil {
				t.Fatal(err)
			}
			if n != next[w] || e.Link.At.ID.Offset != uint64(i+1) {
				t.Fatalf("entry %d at %s is number %d of writer %d, want %d", i+1, e.Link.At, n, w, next[w])
			}
			next[w]++
		}
		if len(page.Entries) != writers*calls*each || page.Gap() != nil {
			t.Errorf("%d entries", len(page.Entries))
		}
	})
}

func TestAFullRedisRefusesAppendsAndKeepsLogs(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisSettings("maxmemory-policy noeviction"))
	l := newLogRig(t, server.URL())
	l.fill(3)
	l.mustAppend("e", "4", "", `{"final":true}`)
	library := broker.AppendLibrary()
	if err := l.client.FunctionLoad(t.Context(), library).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(t.Context(), "1", events("open", "1")); err != nil {
		t.Fatal(err)
	}
	before := l.do("HGETALL", key+":meta")
	full := func(set string) {
		t.Helper()
		l.do("CONFIG", "SET", "maxmemory", set)
	}
	full("1")
	for name, try := range map[string]func() error{
		"an open log":  func() error { _, err := l.Publish(t.Context(), "1", events("open", "2")); return err },
		"several":      func() error { _, err := l.Publish(t.Context(), "1", events("open", "2", "3")); return err },
		"a new log":    func() error { _, err := l.Publish(t.Context(), "1", events("new", "1")); return err },
		"a closed log": func() error { _, _, _, err := l.append("e", "5", "x", `{"begin":true}`); return err },
		"the function": func() error {
			return l.client.FCall(t.Context(), "buildrelay_append", []string{key}, "e", "5", "x", `{"begin":true}`).Err()
		},
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), "OOM ") {
			t.Errorf("%s: %v, want OOM", name, err)
		}
	}
	if diff := cmp.Diff(before, l.do("HGETALL", key+":meta")); diff != "" {
		t.Errorf("a refused call changed the log (-want +got):\n%s", diff)
	}
	if page := l.read(first); len(page.Entries) != 4 || page.Gap() != nil {
		t.Errorf("%d entries can be read", len(page.Entries))
	}
	if keys := l.do("KEYS", "*new*"); len(keys.([]any)) != 0 {
		t.Errorf("a refused call wrote %s", keys)
	}
	full("0")
	if r, err := l.Publish(t.Context(), "1", events("open", "2")); err != nil || r.Positions[0].ID.Offset != 2 {
		t.Errorf("afterwards: %v %v", r, err)
	}
}

// An evicting policy takes a log's keys one by one. Whichever goes, readers are told, and
// the log goes on.
func TestAnEvictedLogIsToldAndGoesOn(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		at := l.fill(3)
		l.do("DEL", key+":meta")
		page := l.read(since(at[1]))
		want := &protocol.Gap{Reason: protocol.GapEpoch, From: at[1], Missing: -1, Reset: true}
		if diff := cmp.Diff(want, page.Gap()); diff != "" {
			t.Errorf("without meta (-want +got):\n%s", diff)
		}
		four := l.mustAppend("e", "4")
		if four.Epoch == at[0].Epoch || four.ID.Offset != 1 {
			t.Errorf("goes on at %s", four)
		}
		l.mustAppend("e", "5")
		l.do("DEL", key)
		page = l.read(since(four))
		want = &protocol.Gap{Reason: protocol.GapTrimmed, From: four, After: page.Top, Missing: 1}
		if diff := cmp.Diff(want, page.Gap()); diff != "" {
			t.Errorf("without entries (-want +got):\n%s", diff)
		}
		six := l.mustAppend("e", "6")
		if six.Epoch != four.Epoch || six.ID.Offset != 3 {
			t.Errorf("goes on at %s", six)
		}
		page = l.read(since(four))
		want = &protocol.Gap{
			Reason: protocol.GapTrimmed, From: four, After: protocol.Position{Epoch: six.Epoch, ID: page.Entries[0].Link.Prev}, ResumeAt: six, Missing: 1,
		}
		if diff := cmp.Diff(want, page.Gap()); diff != "" {
			t.Errorf("with one entry (-want +got):\n%s", diff)
		}
		if b := l.do("HGET", key+":meta", "b"); b != "2" {
			t.Errorf("%s bytes are retained, want 2", b)
		}
	})
}
