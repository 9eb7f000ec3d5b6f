package broker_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// Whatever an operator does to Redis while events are appended: who tries an event again, by
// its id, until he is told that it is kept, finds all of them in the log, once and in order.
func TestNoEventIsLostOrDoubledByWhatAnOperatorDoesToRedis(t *testing.T) {
	t.Parallel()
	for name, does := range map[string][]any{
		"CLIENT PAUSE":        {"CLIENT", "PAUSE", 300, "ALL"},
		"CLIENT PAUSE WRITE":  {"CLIENT", "PAUSE", 300, "WRITE"},
		"CLIENT KILL":         {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"},
		"SCRIPT FLUSH":        {"SCRIPT", "FLUSH"},
		"FUNCTION FLUSH":      {"FUNCTION", "FLUSH"},
		"DEBUG SLEEP":         {"DEBUG", "SLEEP", "0.3"},
		"CONFIG SET timeout":  {"CONFIG", "SET", "timeout", 1},
		"SAVE":                {"SAVE"},
		"CONFIG REWRITE":      {"CONFIG", "REWRITE"},
		"a password, changed": {"CONFIG", "SET", "requirepass", "other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := relaytest.StartRedis(t, relaytest.RedisSettings("enable-debug-command local"))
			l := newLogRig(t, server.URL())
			var want []string
			var operator sync.WaitGroup
			for i := range 60 {
				if i == 20 {
					operator.Go(func() {
						if err := server.Client().Do(t.Context(), does...).Err(); err != nil {
							t.Error(err)
						}
					})
				}
				want = append(want, strconv.Itoa(i))
				l.keep(protocol.Event{Name: "e", Channel: "a", Data: want[i], ID: fmt.Sprint("id-", i)})
			}
			operator.Wait()
			if diff := cmp.Diff(want, datas(l.read(first))); diff != "" {
				t.Errorf("the log (-want +got):\n%s", diff)
			}
		})
	}
}

// keep publishes an event until it is known to be kept.
func (l *logRig) keep(e protocol.Event) {
	l.t.Helper()
	var err error
	for range 10 {
		if _, err = l.Publish(l.t.Context(), "1", []protocol.Event{e}); err == nil {
			return
		}
	}
	l.t.Fatal(errors.Join(errors.New("an event is not kept"), err))
}
