package redisconn

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// told is a source whose servers say what they are told to; those that are told nothing fail.
type told map[string]saying

type saying struct {
	master string
	epoch  int64
}

func (told) to() *redis.Options { return &redis.Options{} }
func (told) also() bool         { return false }

func (t told) ask(_ context.Context, _ *redis.Client, address string) (*Map, int64, error) {
	said, does := t[address]
	if !does {
		return nil, 0, errors.New("away")
	}
	return single(said.master), said.epoch, nil
}

// A Sentinel that was cut off says what was true before. It may be the only one that answers
// in time.
func TestWhoKnowsLessThanIsKnownIsBelievedOnlyWithMost(t *testing.T) {
	t.Parallel()
	old, next := saying{"old:1", 1}, saying{"new:1", 2}
	for name, test := range map[string]struct {
		then told
		want string
	}{
		"one of three":            {told{"a": old}, "new:1"},
		"one, beside a newer one": {told{"a": old, "b": next}, "new:1"},
		"two of three":            {told{"a": old, "b": old}, "old:1"},
		"a newer one":             {told{"a": {"newest:1", 3}}, "newest:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := told{"a": next, "b": next, "c": next}
			s := newServers(source, &redis.Options{}, []string{"a", "b", "c"})
			defer s.Close()
			if m, err := s.Look(t.Context()); err != nil || m.Masters()[0] != "new:1" {
				t.Fatalf("%v, %v", m, err)
			}
			s.source = test.then
			if m, err := s.Look(t.Context()); err != nil || m.Masters()[0] != test.want {
				t.Errorf("%v, %v; want %s", m, err, test.want)
			}
		})
	}
}
