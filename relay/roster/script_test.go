package roster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

// scripted calls the script as two nodes do, whose incarnations are called a and b.
type scripted struct {
	t      *testing.T
	client *redis.Client
	epoch  string
}

func (s *scripted) call(args ...any) any {
	s.t.Helper()
	keys := []string{strings.TrimSuffix(home("1", room), ":")}
	reply, err := s.client.Eval(s.t.Context(), roster.ScriptText(), keys, args...).Result()
	if err != nil {
		s.t.Fatalf("%q: %v", args, err)
	}
	return reply
}

// lease takes a lease for a minute.
func (s *scripted) lease(incarnation, known string) (held bool) {
	s.t.Helper()
	reply := s.call("lease", incarnation, known, 60000, 30000, 60000).([]any)
	s.epoch = reply[0].(string)
	return reply[1] == int64(1)
}

// do carries out one step of the table below, and returns the answer if it is not ok.
func (s *scripted) do(step string) string {
	s.t.Helper()
	f := strings.Fields(step)
	key := strings.TrimSuffix(home("1", room), ":")
	op := func(kind, id, text string, number any) string {
		reply := s.call("apply", f[0], s.epoch, 0, kind, "tp", "1:"+room, id, text, number).([]any)
		answer := fmt.Sprint(reply[len(reply)-1])
		if answer == "ok" {
			return ""
		}
		return answer
	}
	switch f[1] {
	case "enter":
		limit := 0
		if len(f) > 3 {
			limit = 2
		}
		return op("enter", f[2], "{}", limit)
	case "leave":
		return op("leave", f[2], "", 0)
	case "count":
		return op("count", "", "", f[2])
	case "dies":
		s.client.Del(s.t.Context(), key+":lease:"+f[0])
	case "hold":
		s.client.Set(s.t.Context(), key+":hold", "1", 0)
		s.client.PExpire(s.t.Context(), key+":hold", 3600000000000)
	case "release":
		s.client.Del(s.t.Context(), key+":hold")
	case "sweep":
		return fmt.Sprint(s.call("sweep", 30000, 1000))
	}
	return ""
}

func TestTheScriptTellsTransitionsAndNothingElse(t *testing.T) {
	cases := []struct {
		name, steps, want string
	}{
		{"joins and leaves", "a enter u, a enter v, a leave u, a leave v", "+u +v -u -v"},
		{"said twice", "a enter u, a enter u, a leave u, a leave u, a count 2, a count 2", "+u -u count 2"},
		{"two nodes", "a enter u, b enter u, a leave u, a enter u, b leave u, a leave u", "+u -u"},
		{"leaving what one has not", "a leave u, b enter u, a leave u, b leave u", "+u -u"},
		{"counts", "a count 1, b count 2, a count 0, a count 0, b count 0", "count 1 count 3 count 2 count 0"},
		{"a full channel", "a enter u 2, a enter v 2, b enter w 2 = full, b enter v 2, a leave u, b enter w 2", "+u +v -u +w"},
		{"no lease", "a enter u, a dies, a enter v = gone, a leave u = gone", "+u"},
		{"a dead node", "a enter u, b enter u, b enter v, b count 1, b dies, a sweep = 0, a sweep = 0", "+u +v count 1 -v count 0"},
		{"a living node", "a enter u, a sweep = 0", "+u"},
		{"a leave in a hold", "a enter u, x hold, a leave u, a sweep = 0, a enter v, x release, a sweep = 0", "+u +v -u"},
		{"a dead node in a hold", "b enter u, b dies, x hold, a sweep = 0, a enter v, x release, a sweep = 0", "+u +v -u"},
		{"a return in a hold", "a enter u, x hold, a leave u, b enter u, x release, a sweep = 0, b leave u", "+u -u"},
		{"a leave in a hold of one of two", "a enter u, b enter u, x hold, a leave u, x release, a sweep = 0, b leave u", "+u -u"},
	}
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := &scripted{t: t, client: client}
				client.FlushAll(t.Context())
				l := listen(t, s.client, room)
				s.lease("a", "")
				s.lease("b", "")
				for step := range strings.SplitSeq(c.steps, ", ") {
					step, want, _ := strings.Cut(step, " = ")
					if got := s.do(step); got != want {
						t.Errorf("%s: answered %q, want %q", step, got, want)
					}
				}
				s.lease("z", "")
				s.do("z enter z")
				var told []string
				for text := changeText(l.next()); text != "+z"; text = changeText(l.next()) {
					told = append(told, text)
				}
				if diff := cmp.Diff(c.want, strings.Join(told, " ")); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestWhatHoldsNobodyToHaveLeft(t *testing.T) {
	base := home("1", room)
	cases := []struct {
		name    string
		happens func(s *scripted)
		known   bool // to who leases then, else it is new
		held    bool // it keeps its lease
		hold    bool
	}{
		{"nothing", func(*scripted) {}, true, true, false},
		{"a new node", func(*scripted) {}, false, true, false},
		{"nobody leased for long", func(s *scripted) { s.set(base+"last", "1") }, true, true, true},
		{"nobody leased for long, and a new node", func(s *scripted) { s.set(base+"last", "1") }, false, true, true},
		{"the data are lost", func(s *scripted) { s.client.FlushAll(s.t.Context()) }, true, false, true},
		{"the data are lost, and a new node", func(s *scripted) { s.client.FlushAll(s.t.Context()) }, false, true, false},
		{"a new epoch", func(s *scripted) { s.set(base+"epoch", "0123456789abcdef") }, true, false, true},
		{"a new epoch, and a new node", func(s *scripted) { s.set(base+"epoch", "0123456789abcdef") }, false, true, false},
		{"the data are lost twice", func(s *scripted) {
			s.client.FlushAll(s.t.Context())
			s.lease("a", s.epoch)
			s.client.FlushAll(s.t.Context())
			s.epoch = "-" // as who lost its lease says
		}, true, true, true},
		{"the lease is lost", func(s *scripted) { s.client.Del(s.t.Context(), base+"lease:a") }, true, false, false},
	}
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := &scripted{t: t, client: client}
				client.FlushAll(t.Context())
				s.lease("a", "")
				incarnation, known := "b", ""
				if c.known {
					incarnation, known = "a", s.epoch
				}
				c.happens(s)
				if s.epoch == "-" {
					known = "-"
				}
				if held := s.lease(incarnation, known); held != c.held {
					t.Errorf("held %v, want %v", held, c.held)
				}
				if n := s.client.Exists(t.Context(), base+"hold").Val(); (n == 1) != c.hold {
					t.Errorf("%d holds", n)
				}
			})
		}
	})
}

func TestAnotherRedisIsAnotherEpoch(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisKeeps())
	s := &scripted{t: t, client: server.Client()}
	s.lease("a", "")
	before := s.epoch
	server.Restart()
	if s.lease("a", before) || s.epoch == before {
		t.Errorf("epoch %s, and the lease is held", s.epoch)
	}
	if n := s.client.Exists(t.Context(), home("1", room)+"hold").Val(); n != 1 {
		t.Error("no hold")
	}
	after := s.epoch
	if !s.lease("b", "") || s.epoch != after {
		t.Error("another epoch without another start")
	}
}

func (s *scripted) set(key, value string) {
	s.t.Helper()
	if err := s.client.Set(s.t.Context(), key, value, 0).Err(); err != nil {
		s.t.Fatal(err)
	}
}
