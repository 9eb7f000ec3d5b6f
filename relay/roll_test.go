package relay

import (
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// redisRoll is the roll as Redis keeps it.
type redisRoll struct {
	at      protocol.Version
	clock   int64
	members map[string]string
}

// change makes a random member join or leave.
func (r *redisRoll) change(random *rand.Rand) protocol.Change {
	id := strconv.Itoa(random.IntN(5))
	r.clock += 1 + random.Int64N(3)
	c := protocol.Change{At: protocol.Version{Epoch: r.at.Epoch, N: r.clock}, Prev: r.at.N, Count: -1}
	if _, in := r.members[id]; in {
		delete(r.members, id)
		c.Left = id
	} else {
		r.members[id] = ""
		c.Joined = &protocol.Member{ID: id}
	}
	r.at = c.At
	if len(r.members) == 0 {
		r.at.N = 0 // nothing is kept of an empty roll
	}
	return c
}

func (r *redisRoll) read(settled bool) protocol.Roll {
	n := protocol.Roll{At: r.at, Settled: settled}
	if len(r.members) == 0 {
		n.At.N = r.clock
	}
	for id, info := range r.members {
		n.Members = append(n.Members, protocol.Member{ID: id, Info: info})
	}
	return n
}

// lose makes Redis lose everything.
func (r *redisRoll) lose() {
	clear(r.members)
	r.at = protocol.Version{Epoch: r.at.Epoch + "x"}
}

// observer is what a reader makes of what it is told.
type observer struct {
	t       *testing.T
	members map[string]bool
}

func (o *observer) see(s steps) {
	o.t.Helper()
	for _, m := range s.joined {
		if o.members[m.ID] {
			o.t.Fatalf("%s joins, and has not left", m.ID)
		}
		o.members[m.ID] = true
	}
	for _, id := range s.left {
		if !o.members[id] {
			o.t.Fatalf("%s leaves, and is not there", id)
		}
		delete(o.members, id)
	}
}

// Steps are missed, rolls come late, Redis loses everything: who reads sees each member
// join and leave in turn, and in the end all who are there.
func TestReadersSeeMembersJoinAndLeaveInTurnWhateverIsMissed(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		redis := &redisRoll{at: protocol.Version{Epoch: "e"}, members: map[string]string{}}
		r, o := newRoll(), &observer{t: t, members: map[string]bool{}}
		r.here["0"] = []*Conn{nil}
		var late []protocol.Roll
		for range 200 {
			switch n := random.IntN(20); {
			case n < 10:
				if s, _ := r.follow(redis.change(random)); random.IntN(5) > 0 {
					o.see(s)
				} else {
					o.see(s)
					redis.change(random) // is missed
				}
			case n < 14:
				late = append(late, redis.read(random.IntN(4) > 0))
			case n < 19 && len(late) > 0:
				s, _ := r.adopt(late[0])
				late = late[1:]
				o.see(s)
			case n == 19 && random.IntN(4) == 0:
				redis.lose()
			}
		}
		s, again := r.adopt(redis.read(true))
		o.see(s)
		want := map[string]bool{}
		for id := range redis.members {
			want[id] = true
		}
		if o.members["0"] {
			want["0"] = true // is here
		}
		if diff := cmp.Diff(want, o.members); diff != "" || again {
			t.Fatalf("seed %d: the roll as it was read last is too old: %v (- there, + seen):\n%s", seed, again, diff)
		}
		if diff := cmp.Diff(o.members, toSet(r.members)); diff != "" {
			t.Fatalf("seed %d: a new reader is told another list (- seen, + told):\n%s", seed, diff)
		}
	}
}

func toSet(members map[string]string) map[string]bool {
	set := map[string]bool{}
	for id := range maps.Keys(members) {
		set[id] = true
	}
	return set
}

// A user's connections are ended by a step that comes at any time after they came, and once.
func TestConnectionsAreEndedByAStepHoweverItIsHeard(t *testing.T) {
	end := protocol.Change{At: protocol.Version{Epoch: "e", N: 7}, Prev: 5, Ended: true, Count: -1}
	before := protocol.Roll{At: protocol.Version{Epoch: "e", N: 5}, Ended: 3, Settled: true}
	after := protocol.Roll{At: protocol.Version{Epoch: "e", N: 7}, Ended: 7, Settled: true}
	since := protocol.Roll{At: protocol.Version{Epoch: "e", N: 9}, Ended: 7, Settled: true}
	for name, test := range map[string]struct {
		heard []any
		want  int
	}{
		"in order":                         {[]any{before, end, after}, 1},
		"before the roll is read":          {[]any{end, after, after}, 1},
		"behind the roll that tells of it": {[]any{after, end, after}, 1},
		"in the roll alone":                {[]any{before, after, after}, 1},
		"before they came":                 {[]any{before, before}, 0},
		"before the channel is heard":      {[]any{after, after}, 1},
		"a moment before they came":        {[]any{since, since}, 0},
	} {
		r, got := newRoll(), 0
		for _, what := range test.heard {
			var s steps
			switch what := what.(type) {
			case protocol.Change:
				s, _ = r.follow(what)
			case protocol.Roll:
				s, _ = r.adopt(what)
			}
			if s.ended {
				got++
			}
		}
		if got != test.want {
			t.Errorf("%s: ended %d times, want %d", name, got, test.want)
		}
	}
}

// Who may publish in Redis can say what he wants; the copy comes back to what Redis has.
func TestStepsThatNobodyTookAreForgotten(t *testing.T) {
	genuine := protocol.Roll{At: protocol.Version{Epoch: "e", N: 5}, Members: []protocol.Member{{ID: "ann"}}, Settled: true}
	for name, prev := range map[string]int64{"behind the copy": 5, "far beyond it": 9} {
		r := newRoll()
		r.adopt(genuine)
		forged := protocol.Change{At: protocol.Version{Epoch: "e", N: 1 << 60}, Prev: prev, Left: "ann", Count: -1}
		r.follow(forged)
		asked := 0
		for range 4 {
			if _, again := r.adopt(genuine); again {
				asked++
			}
		}
		if !r.has("ann") || r.at != genuine.At || asked > 1 {
			t.Errorf("%s: the copy is %+v, and was asked for at once %d times", name, r, asked)
		}
	}
}
