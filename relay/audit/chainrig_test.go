package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit"
)

// chain is a chain as a store has it.
type chain struct {
	key     audit.Key
	base    *audit.Head
	records []audit.Stored
	heads   []audit.Head
	behind  bool // heads are told behind the records they sign, not in front of them
}

// newChain is a chain of n records, committed by up to most at once.
func newChain(t testing.TB, random *rand.Rand, name string, n, most int) chain {
	t.Helper()
	c := chain{key: parseKey(t, keyText)}
	link := audit.Link{Chain: name}
	for commit := random.IntN(most) + 1; len(c.records) < n; commit-- {
		i := len(c.records) + 1
		r := audit.New(noon.Add(time.Duration(i)*time.Second), audit.ActionSubscriptionGrant,
			audit.SubscriptionGrant{Channel: fmt.Sprintf("private-%d", random.IntN(10)), SocketID: fmt.Sprintf("%s.%d", name, i)})
		r.ID = audit.NameID(name, fmt.Sprint(i))
		r.Actor = audit.Entity{ID: fmt.Sprintf("user-%d", random.IntN(10)), Type: "user"}
		r.Target = audit.Entity{ID: fmt.Sprintf("private-%d", random.IntN(10)), Type: "channel"}
		entry := encode(t, r)
		link = c.key.Next(link, entry.Line)
		c.records = append(c.records, audit.Stored{Chain: name, Seq: link.Seq, MAC: link.MAC, Entry: entry})
		if commit <= 1 || i == n {
			c.heads = append(c.heads, c.key.Sign(link, r.OccurredAt))
			commit = random.IntN(most) + 2
		}
	}
	return c
}

func (c chain) last() int64 { return int64(len(c.records)) }

// copied is a copy that can be changed.
func (c chain) copied() chain {
	c.records, c.heads = slices.Clone(c.records), slices.Clone(c.heads)
	return c
}

// verify walks the chain as a store does, with the heads in between.
func (c chain) verify(name string) []audit.Problem {
	v := audit.NewVerifier(c.key, name, c.base)
	heads := c.heads
	for _, s := range c.records {
		for len(heads) > 0 && (heads[0].Seq < s.Seq || heads[0].Seq == s.Seq && !c.behind) {
			v.Head(heads[0])
			heads = heads[1:]
		}
		v.Add(s)
	}
	for _, h := range heads {
		v.Head(h)
	}
	return v.End()
}

// number gives the records from i on other numbers.
func (c chain) number(i, by int) {
	for i := i; i < len(c.records); i++ {
		c.records[i].Seq += int64(by)
	}
}

// found is what problems name: a word and a number each; and the numbers of those that are
// unproven.
func found(problems []audit.Problem) (named []string, unproven []int64) {
	for _, p := range problems {
		word, _, _ := strings.Cut(p.What, ":")
		if word == "unproven" {
			unproven = append(unproven, p.Seq)
			continue
		}
		named = append(named, fmt.Sprint(word, " ", p.Seq))
	}
	slices.Sort(named)
	return slices.Compact(named), unproven
}
