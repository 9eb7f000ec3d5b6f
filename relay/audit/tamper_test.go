package audit_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/relaytest"
)

// tampering changes a chain and returns what a verifier must name: a word and a number each.
type tampering func(random *rand.Rand, c *chain, other chain) []string

// tamperings are the ways to change what was written.
func tamperings() map[string]tampering {
	return map[string]tampering{
		"edit the line":                  editLine,
		"edit the MAC":                   editMAC,
		"edit the line and the MAC":      editBoth,
		"edit and sign with another key": editWithOtherKey,
		"edit a column of the index":     editIndex,
		"drop":                           drop,
		"drop and number anew":           dropAndNumber,
		"insert":                         insert,
		"insert a record twice":          insertTwice,
		"append":                         appendForged,
		"swap":                           swap,
		"swap the lines":                 swapLines,
		"shorten within a commit":        shortenWithin,
		"shorten, heads are elsewhere":   shorten,
		"replay of another chain":        replayOther,
		"replay of this chain":           replayOwn,
		"edit a head":                    editHead,
		"drop the newest head":           dropHead,
		"replay a head of another chain": replayHead,
	}
}

func TestEveryTamperingIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	kinds := tamperings()
	names := slices.Sorted(maps.Keys(kinds))
	wholes, others := chains(t)
	seeds := uint64(200) // with the race detector each takes a while
	if relaytest.Full() {
		seeds = 1000
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 8))
		which := random.IntN(len(wholes))
		name := names[int(seed)%len(names)]
		changed := wholes[which].copied()
		want := kinds[name](random, &changed, others[which])
		slices.Sort(want)
		changed.behind = seed%2 == 0
		problems := changed.verify("node-1")
		named, unproven := found(problems)
		if !slices.Equal(named, want) {
			t.Errorf("seed %d: %s: found %q, want %q\n%v", seed, name, named, want, problems)
		}
		if len(unproven) > 1 || len(unproven) == 1 && !isBehind(problems, unproven[0]) {
			t.Errorf("seed %d: %s: %d are unproven\n%v", seed, name, unproven, problems)
		}
		if strings.HasPrefix(name, "swap") && len(unproven) > 0 {
			t.Errorf("seed %d: %s: both are known, and yet %d is unproven", seed, name, unproven)
		}
		for _, p := range problems {
			if p.Chain != "node-1" {
				t.Errorf("seed %d: %s: the problem is of the chain %q", seed, name, p.Chain)
			}
		}
	}
}

// Of several tamperings at once not each can be told from the others; but what no problem
// names is as it was written, and in order.
func TestWhatNoProblemNamesIsAsItWasWritten(t *testing.T) {
	t.Parallel()
	kinds := tamperings()
	names := slices.Sorted(maps.Keys(kinds))
	wholes, others := chains(t)
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 9))
		which := 1 + random.IntN(len(wholes)-1)
		changed := wholes[which].copied()
		var done []string
		for len(done) < 3 && len(changed.records) > 5 && len(changed.heads) > 1 {
			name := names[random.IntN(len(names))]
			kinds[name](random, &changed, others[which])
			done = append(done, name)
		}
		changed.behind = seed%2 == 0
		problems := changed.verify("node-1")
		last := -1
		for _, s := range changed.records {
			if slices.ContainsFunc(problems, func(p audit.Problem) bool { return p.Seq == s.Seq }) {
				continue
			}
			i := slices.IndexFunc(wholes[which].records, func(o audit.Stored) bool { return reflect.DeepEqual(o.Entry, s.Entry) })
			if i <= last {
				t.Errorf("seed %d: %q: number %d was number %d, behind number %d\n%v", seed, done, s.Seq, i+1, last+1, problems)
			}
			last = i
		}
	}
}

// chains are chains of several lengths and commits, and as many of another node. To sign them
// takes longer than to verify them, so they are used again and again.
func chains(t *testing.T) (wholes, others []chain) {
	t.Helper()
	for i, size := range []struct{ records, commit int }{{6, 2}, {10, 1}, {14, 3}, {18, 8}, {22, 4}, {30, 12}} {
		random := rand.New(rand.NewPCG(uint64(i), 7))
		whole := newChain(t, random, "node-1", size.records, size.commit)
		if problems := whole.verify("node-1"); len(problems) > 0 {
			t.Fatalf("an untouched chain has %v", problems)
		}
		wholes = append(wholes, whole)
		others = append(others, newChain(t, random, "node-2", size.records+20, 3))
	}
	return wholes, others
}

// isBehind reports whether a number is right behind what another problem names, or that one
// itself.
func isBehind(problems []audit.Problem, seq int64) bool {
	return slices.ContainsFunc(problems, func(p audit.Problem) bool {
		missing := int64(0)
		_, _ = fmt.Sscanf(p.What, "dropped: %d records are missing", &missing)
		return p.Seq == seq-1 || p.Seq == seq-missing || p.Seq == seq && p.What[:8] == "dropped:"
	})
}

// anyOf is the index of a record.
func anyOf(random *rand.Rand, c *chain) int { return random.IntN(len(c.records)) }

func named(word string, index int) []string { return []string{fmt.Sprint(word, " ", index+1)} }

// edited is the record with something else in its line, and the index as the line has it.
func edited(random *rand.Rand, s audit.Stored) audit.Stored {
	s.Actor = fmt.Sprint("mallory-", random.IntN(10))
	begin := bytes.Index(s.Line, []byte(`"actor":{"id":"`)) + len(`"actor":{"id":"`)
	end := begin + bytes.IndexByte(s.Line[begin:], '"')
	s.Line = slices.Concat(s.Line[:begin], []byte(s.Actor), s.Line[end:])
	return s
}

func randomMAC(random *rand.Rand) []byte {
	mac := make([]byte, 32)
	for i := range mac {
		mac[i] = byte(random.Uint32())
	}
	return mac
}

func editLine(random *rand.Rand, c *chain, _ chain) []string {
	i := anyOf(random, c)
	c.records[i] = edited(random, c.records[i])
	return named("edited", i)
}

func editMAC(random *rand.Rand, c *chain, _ chain) []string {
	i := anyOf(random, c)
	mac := slices.Clone(c.records[i].MAC)
	mac[random.IntN(len(mac))] ^= 1 << random.IntN(8)
	c.records[i].MAC = mac[:len(mac)-random.IntN(2)]
	return named("edited", i)
}

func editBoth(random *rand.Rand, c *chain, _ chain) []string {
	i := anyOf(random, c)
	c.records[i] = edited(random, c.records[i])
	c.records[i].MAC = randomMAC(random)
	return named("edited", i)
}

func editWithOtherKey(random *rand.Rand, c *chain, _ chain) []string {
	i := anyOf(random, c)
	key, _ := audit.NewKey()
	c.records[i] = edited(random, c.records[i])
	prev := audit.Link{Chain: "node-1"}
	if i > 0 {
		prev.Seq, prev.MAC = c.records[i-1].Seq, c.records[i-1].MAC
	}
	c.records[i].MAC = key.Next(prev, c.records[i].Line).MAC
	return named("edited", i)
}

func editIndex(random *rand.Rand, c *chain, _ chain) []string {
	i := anyOf(random, c)
	s := &c.records[i]
	switch random.IntN(5) {
	case 0:
		s.ID = audit.NewID()
	case 1:
		s.OccurredAt = s.OccurredAt.Add(time.Nanosecond)
	case 2:
		s.Action = audit.ActionSubscriptionDeny
	case 3:
		s.Actor = ""
	case 4:
		s.Target += "0"
	}
	return named("index", i)
}

func drop(random *rand.Rand, c *chain, _ chain) []string {
	n := 1 + random.IntN(3)
	i := random.IntN(len(c.records) - n) // not the last: that is to shorten
	c.records = slices.Delete(c.records, i, i+n)
	return named("dropped", i)
}

func dropAndNumber(random *rand.Rand, c *chain, _ chain) []string {
	n := 1 + random.IntN(3)
	i := random.IntN(len(c.records) - n - 1)
	c.records = slices.Delete(c.records, i, i+n)
	c.number(i, -n)
	return named("dropped", i)
}

// forged is a record that was never written, in the place of s.
func forged(random *rand.Rand, s audit.Stored) audit.Stored {
	mac := s.MAC
	if s = edited(random, s); random.IntN(2) == 0 {
		mac = randomMAC(random)
	}
	s.MAC = mac
	return s
}

func insert(random *rand.Rand, c *chain, _ chain) []string {
	n := 1 + random.IntN(3)
	i := anyOf(random, c)
	var want []string
	first := c.records[i]
	c.number(i, n)
	for k := range n {
		first.Seq = int64(i + k + 1)
		c.records = slices.Insert(c.records, i+k, forged(random, first))
		want = append(want, named("inserted", i+k)...)
	}
	return want
}

func insertTwice(random *rand.Rand, c *chain, _ chain) []string {
	i := random.IntN(len(c.records) - 1)
	c.number(i+1, 1)
	again := c.records[i]
	again.Seq++
	c.records = slices.Insert(c.records, i+1, again)
	return named("inserted", i+1)
}

func appendForged(random *rand.Rand, c *chain, other chain) []string {
	s := c.records[anyOf(random, c)]
	if random.IntN(2) == 0 {
		s = other.records[anyOf(random, c)]
	}
	s.Chain, s.Seq = "node-1", c.last()+1
	c.records = append(c.records, s)
	return named("inserted", len(c.records)-1)
}

// two are the indexes of two records, often neighbours.
func two(random *rand.Rand, c *chain) (first, second int) {
	first = random.IntN(len(c.records) - 1)
	second = first + 1 + random.IntN(min(3, len(c.records)-first-1))
	if random.IntN(2) == 0 {
		second = first + 1 + random.IntN(len(c.records)-first-1)
	}
	return first, second
}

func swap(random *rand.Rand, c *chain, _ chain) []string {
	i, j := two(random, c)
	first, second := &c.records[i], &c.records[j]
	*first, *second = *second, *first
	first.Seq, second.Seq = second.Seq, first.Seq
	return append(named("swapped", i), named("swapped", j)...)
}

func swapLines(random *rand.Rand, c *chain, _ chain) []string {
	i, j := two(random, c)
	first, second := &c.records[i], &c.records[j]
	first.Entry, second.Entry = second.Entry, first.Entry
	return append(named("swapped", i), named("swapped", j)...)
}

func shorten(random *rand.Rand, c *chain, _ chain) []string {
	left := random.IntN(len(c.records))
	c.records = c.records[:left]
	return named("shortened", left)
}

// shortenWithin cuts a chain and its heads where no commit ended, so that a head must be
// missing; or leaves nothing but a head.
func shortenWithin(random *rand.Rand, c *chain, _ chain) []string {
	left := 1 + random.IntN(len(c.records)-1)
	c.records = c.records[:left]
	c.heads = slices.DeleteFunc(c.heads, func(h audit.Head) bool { return h.Seq >= int64(left) })
	return named("head", left-1)
}

func replayOther(random *rand.Rand, c *chain, other chain) []string {
	i := anyOf(random, c)
	c.records[i] = other.records[i]
	c.records[i].Chain = "node-1"
	return named("edited", i)
}

func replayOwn(random *rand.Rand, c *chain, _ chain) []string {
	i, j := two(random, c)
	seq := c.records[i].Seq
	c.records[i] = c.records[j]
	c.records[i].Seq = seq
	return named("edited", i)
}

func editHead(random *rand.Rand, c *chain, _ chain) []string {
	i := random.IntN(len(c.heads) - 1)
	h := &c.heads[i]
	switch random.IntN(3) {
	case 0:
		h.MAC = randomMAC(random)
	case 1:
		h.Signature = append(slices.Clone(h.Signature[1:]), 0)
	case 2:
		h.At = h.At.Add(time.Hour)
	}
	return named("head", int(h.Seq)-1)
}

func dropHead(_ *rand.Rand, c *chain, _ chain) []string {
	c.heads = c.heads[:len(c.heads)-1]
	return named("head", len(c.records)-1)
}

func replayHead(random *rand.Rand, c *chain, other chain) []string {
	i := random.IntN(len(other.heads) - 1)
	h := other.heads[i]
	c.heads = append(slices.Clone(c.heads), h)
	slices.SortStableFunc(c.heads, func(a, b audit.Head) int { return cmp.Compare(a.Seq, b.Seq) })
	return named("head", int(h.Seq)-1)
}
