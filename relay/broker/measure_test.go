package broker_test

import (
	"testing"
	"time"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

func TestAMasterIsMeasured(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisKeeps(), relaytest.RedisPassword("pass"), relaytest.RedisSettings("maxmemory 64mb"))
	l := newLogRig(t, server.URL())
	measure := func() (trip, ahead time.Duration) {
		t.Helper()
		all, err := l.Measure(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		m := all[0]
		if m.Address != server.Address() || m.Most != 64<<20 || m.Used <= 0 || m.Open || !m.AllRights {
			t.Errorf("measured %+v", m)
		}
		return m.Trip, m.Ahead
	}
	if trip, ahead := measure(); trip <= 0 || ahead.Abs() > time.Minute {
		t.Errorf("a trip takes %s, and the clock is ahead by %s", trip, ahead)
	}
	clock := relaytest.NewClock(t)
	clock.Step(-time.Hour)
	server.RestartWithClock(clock)
	if _, ahead := measure(); ahead > -59*time.Minute || ahead < -61*time.Minute {
		t.Errorf("a clock that is an hour behind is ahead by %s", ahead)
	}
}

func TestWhoAsksHearsAllThatIsToldOnATopic(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	asker, other := newLogRig(t, server.URL()), newLogRig(t, server.URL())
	var heard []string
	err := asker.Ask(t.Context(), "nodes", "who is there?", func(text string) bool {
		if len(heard) == 0 { // its own comes first: by then it hears others
			if err := other.Tell(t.Context(), "nodes", "I am"); err != nil {
				t.Error(err)
			}
		}
		heard = append(heard, text)
		return len(heard) < 2
	})
	if err != nil || len(heard) != 2 || heard[0] != "who is there?" || heard[1] != "I am" {
		t.Errorf("heard %q, %v", heard, err)
	}
}

// Beside users with passwords there may be one without, and none of it is tried by what is refused.
func TestWhoIsLetInIsMeasuredWithoutARefusal(t *testing.T) {
	t.Parallel()
	node := user("node", nodeRights, "+info")
	for name, c := range map[string]struct {
		options []relaytest.RedisOption
		open    bool
	}{
		"strangers, too": {[]relaytest.RedisOption{node}, true},
		"users alone":    {[]relaytest.RedisOption{node, relaytest.RedisPassword("pass")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := relaytest.StartRedis(t, c.options...)
			l := &logRig{rig: newRig(t, server.URLFor("node", "hunter2"))}
			if _, err := l.CheckStart(t.Context(), broker.Needs{AppID: "1"}); err != nil {
				t.Fatal(err)
			}
			all, err := l.Measure(t.Context())
			if err != nil || len(all) != 1 || all[0].Open != c.open || all[0].AllRights {
				t.Errorf("measured %+v, %v", all, err)
			}
			if refused, err := server.Client().ACLLog(t.Context(), 10).Result(); err != nil || len(refused) != 0 {
				t.Errorf("refused %+v, %v", refused, err)
			}
		})
	}
}
