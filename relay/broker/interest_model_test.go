package broker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// world is an interest, a model of the Redis that it talks to, and of the hub that
// it serves. Commands and answers travel through queues, as on a connection.
type world struct {
	t   *testing.T
	rnd *rand.Rand
	in  *interest
	now int

	// Redis.
	subscribed map[string]bool
	forbidden  map[string]bool
	commands   []sentCommand
	answers    []answer

	// The hub: when each channel was last asked for, and whether it is heard.
	asked map[channelKey]int
	heard map[channelKey]bool
}

type sentCommand struct {
	at int
	*command
}

type answer struct {
	at        int // when the command was sent
	refused   bool
	subscribe bool
	name      string
	names     []string // of the command
}

func newWorld(t *testing.T, seed uint64) *world {
	in := newInterest(newNames("p", "node", "slanger", func(_, channel string) bool { return channel <= "c2" }))
	in.batch = 3 // so that the names of one channel go out in two commands
	return &world{
		t: t, in: in, rnd: rand.New(rand.NewPCG(seed, 0)),
		subscribed: map[string]bool{},
		forbidden:  map[string]bool{"p:1:c3": true, "c4": true, "p:~roster:1:c2": true},
		asked:      map[channelKey]int{},
		heard:      map[channelKey]bool{},
	}
}

func (w *world) channel() channelKey {
	apps := []string{"1", "slanger"}
	return channelKey{apps[w.rnd.IntN(2)], fmt.Sprintf("c%d", w.rnd.IntN(6))}
}

func (w *world) isForbidden(key channelKey) bool {
	return slices.ContainsFunc(w.in.naming.all(key.app, key.channel), func(name string) bool { return w.forbidden[name] })
}

func (w *world) step() {
	w.now++
	switch n := w.rnd.IntN(100); {
	case n < 20:
		w.watch(w.channel())
	case n < 38:
		w.unwatch(w.channel())
	case n < 60:
		w.send()
	case n < 80:
		w.execute()
	case n < 99:
		w.answer()
	default:
		w.loseLink()
	}
	w.check()
}

// watch is what a hub does: it asks once for each channel that it has.
func (w *world) watch(key channelKey) {
	if _, ok := w.asked[key]; !ok {
		w.asked[key] = w.now
		w.in.watch(key.app, key.channel)
	}
}

func (w *world) unwatch(key channelKey) {
	if _, ok := w.asked[key]; ok {
		w.leave(key)
		w.in.unwatch(key.app, key.channel)
	}
}

func (w *world) leave(key channelKey) {
	delete(w.asked, key)
	delete(w.heard, key)
}

func (w *world) send() bool {
	c := w.in.next()
	if c != nil {
		w.commands = append(w.commands, sentCommand{w.now, c})
	}
	return c != nil
}

// execute lets Redis carry out a command.
func (w *world) execute() bool {
	if len(w.commands) == 0 {
		return false
	}
	c := w.commands[0]
	w.commands = w.commands[1:]
	var names []string
	for _, n := range c.names {
		names = append(names, n.redis)
	}
	if c.subscribe && slices.ContainsFunc(names, func(name string) bool { return w.forbidden[name] }) {
		w.answers = append(w.answers, answer{at: c.at, refused: true, names: names})
		return true
	}
	for _, name := range names {
		w.subscribed[name] = c.subscribe
		w.answers = append(w.answers, answer{at: c.at, subscribe: c.subscribe, name: name})
	}
	return true
}

// answer lets an answer of Redis arrive.
func (w *world) answer() bool {
	if len(w.answers) == 0 {
		return false
	}
	a := w.answers[0]
	w.answers = w.answers[1:]
	if a.refused {
		w.refuse(a)
		return true
	}
	key, heard, ok := w.in.confirm(a.subscribe, a.name)
	if !ok {
		w.t.Fatalf("answer %+v is not expected", a)
	}
	if !heard {
		return true
	}
	if at, ok := w.asked[key]; !ok || a.at < at {
		w.t.Fatalf("%v is confirmed by a command sent at %d, but was asked for at %d (wanted: %v)", key, a.at, at, ok)
	}
	w.heard[key] = true
	return true
}

func (w *world) refuse(a answer) {
	key, gaveUp, ok := w.in.reject()
	switch {
	case !ok:
		w.t.Fatalf("refusal %+v is not expected", a)
	case gaveUp && !w.isForbidden(key):
		w.t.Fatalf("%v is given up, but allowed", key)
	case gaveUp:
		w.leave(key)
	}
}

func (w *world) loseLink() {
	w.commands, w.answers = nil, nil
	clear(w.subscribed)
	w.in.forget()
	clear(w.heard)
}

// check says that Redis sends all that the hub believes to hear.
func (w *world) check() {
	w.t.Helper()
	for key := range w.heard {
		for _, name := range w.in.naming.all(key.app, key.channel) {
			if !w.subscribed[name] {
				w.t.Fatalf("%v was confirmed, but Redis does not send %s", key, name)
			}
		}
	}
}

// settle lets everything arrive, and compares Redis with what is wanted.
func (w *world) settle() {
	for w.send() || w.execute() || w.answer() {
		w.now++
		w.check()
	}
	wanted := map[string]bool{}
	for key := range w.asked {
		if !w.heard[key] {
			w.t.Errorf("%v is wanted and was never confirmed", key)
		}
		for _, name := range w.in.naming.all(key.app, key.channel) {
			wanted[name] = true
		}
	}
	for name, yes := range w.subscribed {
		if yes != wanted[name] {
			w.t.Errorf("Redis sends %s: %v, wanted: %v", name, yes, wanted[name])
		}
	}
	if len(w.in.names) != len(wanted) || len(w.in.topics) != len(w.asked) || len(w.in.sent) != 0 {
		w.t.Errorf("%d names, %d topics and %d commands are kept for %d names and %d channels",
			len(w.in.names), len(w.in.topics), len(w.in.sent), len(wanted), len(w.asked))
	}
}

// Whatever the order of wishes, commands, answers and faults: a channel that is
// said to be heard is heard, and in the end Redis sends just what is wanted.
func TestRedisAndInterestAgree(t *testing.T) {
	for range 1000 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range w.rnd.IntN(150) {
				w.step()
			}
			w.settle()
		})
	}
}
