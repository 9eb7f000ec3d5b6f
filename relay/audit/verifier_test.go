package audit_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

func aChain(t testing.TB, n, most int) chain {
	t.Helper()
	return newChain(t, rand.New(rand.NewPCG(1, 2)), "node-1", n, most)
}

func TestAnUntouchedChainHasNoProblems(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 60} {
		for _, most := range []int{1, 4} {
			if problems := aChain(t, n, most).verify("node-1"); len(problems) > 0 {
				t.Errorf("%d records: %v", n, problems)
			}
		}
	}
}

func TestHeadsMayAllComeFirst(t *testing.T) {
	t.Parallel()
	c := aChain(t, 50, 3)
	v := audit.NewVerifier(c.key, "node-1", nil)
	for _, h := range slices.Backward(c.heads) {
		v.Head(h)
		v.Head(h) // one from elsewhere
	}
	for _, s := range c.records {
		v.Add(s)
	}
	if problems := v.End(); len(problems) > 0 || v.Found() != 0 {
		t.Error(problems)
	}
}

// purged is a chain without its first n records.
func purged(c chain, n int) chain {
	last := c.records[n-1]
	base := c.key.SignBase(audit.Link{Chain: last.Chain, Seq: last.Seq, MAC: last.MAC}, noon)
	c.base, c.records = &base, c.records[n:]
	c.heads = slices.DeleteFunc(slices.Clone(c.heads), func(h audit.Head) bool { return h.Seq < base.Seq })
	return c
}

func TestAPurgedChainVerifiesFromItsBase(t *testing.T) {
	t.Parallel()
	whole := aChain(t, 50, 3)
	for _, n := range []int{1, 20, 49, 50} {
		c := purged(whole, n)
		if problems := c.verify("node-1"); len(problems) > 0 {
			t.Errorf("%d are purged: %v", n, problems)
		}
		c.heads = whole.heads // older ones too, which were kept elsewhere
		if problems := c.verify("node-1"); len(problems) > 0 {
			t.Errorf("%d are purged, with older heads: %v", n, problems)
		}
		if c.heads = whole.heads[:1]; n == 50 {
			if problems := c.verify("node-1"); len(problems) > 0 {
				t.Errorf("all are purged, with an older head: %v", problems)
			}
		}
	}
}

func TestNobodyPurgesWithoutTheKey(t *testing.T) {
	t.Parallel()
	whole := aChain(t, 50, 1)
	for name, test := range map[string]struct {
		base *audit.Head
		want []string
	}{
		"a head":                {&whole.heads[19], []string{"head 20"}},
		"no base":               {nil, []string{"dropped 1"}},
		"a base of another key": {otherBase(whole), []string{"head 20"}},
		"an older base":         {purged(whole, 10).base, []string{"dropped 11"}},
		"a base of later":       {purged(whole, 30).base, nil},
	} {
		c := purged(whole, 20)
		c.base = test.base
		got, _ := found(c.verify("node-1"))
		if name == "a base of later" {
			if len(got) != 10 || got[0] != "inserted 21" {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func otherBase(c chain) *audit.Head {
	key, _ := audit.NewKey()
	base := key.SignBase(purged(c, 20).base.Link, noon)
	return &base
}

func TestAProblemSaysWhichRecordAndWhat(t *testing.T) {
	t.Parallel()
	c := aChain(t, 10, 1)
	random := rand.New(rand.NewPCG(1, 1))
	c.records[2] = edited(random, c.records[2])
	c.records[4].Action = "relay.audit.read"
	c.records = slices.Delete(c.records, 6, 8)
	problems := c.verify("node-1")
	want := []audit.Problem{
		{Chain: "node-1", Seq: 3, ID: c.records[2].ID, What: "edited: it is not the record that was written here"},
		{Chain: "node-1", Seq: 5, ID: c.records[4].ID, What: `index: it is looked for by the action "relay.audit.read", and has "relay.subscription.grant"`},
		{Chain: "node-1", Seq: 7, What: "dropped: 2 records are missing, up to number 8"},
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestManyTamperingsAreAllNamed(t *testing.T) {
	t.Parallel()
	c := aChain(t, 200, 40)
	random := rand.New(rand.NewPCG(3, 3))
	var want []string
	for i := 3; i < 190; i += 9 {
		c.records[i] = edited(random, c.records[i])
		want = append(want, named("edited", i)...)
	}
	slices.Sort(want)
	got, unproven := found(c.verify("node-1"))
	if diff := cmp.Diff(want, got); diff != "" || len(unproven) > 0 {
		t.Errorf("unproven %v (-want +got):\n%s", unproven, diff)
	}
}

func TestOfAChainThatWasWrittenAnewEveryRecordIsNamed(t *testing.T) {
	t.Parallel()
	for _, withMAC := range []bool{false, true} {
		c := aChain(t, 100, 20)
		random := rand.New(rand.NewPCG(4, 4))
		for i := range c.records {
			c.records[i] = edited(random, c.records[i])
			if withMAC {
				c.records[i].MAC = randomMAC(random)
			}
		}
		problems := c.verify("node-1")
		if len(problems) != 100 {
			t.Fatalf("%d problems", len(problems))
		}
		for i, p := range problems {
			if p.Seq != int64(i+1) || !strings.HasPrefix(p.What, "edited:") && !strings.HasPrefix(p.What, "unproven:") {
				t.Errorf("%+v", p)
			}
		}
	}
}

// A database that was put back to an older state, and went on from there, fits in itself; a
// head from elsewhere shows it.
func TestAnotherHistoryIsFoundByAHeadFromElsewhere(t *testing.T) {
	t.Parallel()
	c := aChain(t, 30, 1)
	other := newChain(t, rand.New(rand.NewPCG(9, 9)), "node-1", 30, 1)
	if problems := other.verify("node-1"); len(problems) > 0 {
		t.Fatal(problems)
	}
	other.heads = slices.Insert(slices.Clone(other.heads), 20, c.heads[19])
	got, _ := found(other.verify("node-1"))
	if diff := cmp.Diff([]string{"head 20"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARecordOfAnotherChainOrOutOfOrderIsInserted(t *testing.T) {
	t.Parallel()
	c := aChain(t, 10, 1)
	other := newChain(t, rand.New(rand.NewPCG(9, 9)), "node-2", 10, 1)
	c.records = slices.Insert(c.records, 5, other.records[5], c.records[2])
	got, unproven := found(c.verify("node-1"))
	if diff := cmp.Diff([]string{"inserted 3", "inserted 6"}, got); diff != "" || len(unproven) > 0 {
		t.Errorf("unproven %v (-want +got):\n%s", unproven, diff)
	}
}

func TestAnotherKeyFitsNothing(t *testing.T) {
	t.Parallel()
	c := aChain(t, 10, 1)
	c.key, _ = audit.NewKey()
	if problems := c.verify("node-1"); len(problems) < 20 {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
}

func TestProblemsBeyondAThousandAreCounted(t *testing.T) {
	t.Parallel()
	c := aChain(t, 1, 1)
	v := audit.NewVerifier(c.key, "node-1", nil)
	for range 3000 {
		s := c.records[0]
		s.Chain = "node-2"
		v.Add(s)
	}
	v.Add(c.records[0])
	v.Head(c.heads[0])
	if problems := v.End(); len(problems) != 1000 || v.Found() != 3000 {
		t.Errorf("%d problems of %d", len(problems), v.Found())
	}
}

func FuzzVerifier(f *testing.F) {
	f.Add([]byte{1, 2, 3}, int64(1), int64(2))
	c := aChain(f, 8, 2)
	f.Fuzz(func(t *testing.T, bytes []byte, seq, head int64) {
		v := audit.NewVerifier(c.key, "node-1", nil)
		for i, s := range c.records {
			if i < len(bytes) && bytes[i] > 0 {
				s.Seq = seq + int64(bytes[i])
				s.Line = bytes
				h := c.heads[0]
				h.Seq = head
				v.Head(c.key.Sign(h.Link, noon))
			}
			v.Add(s)
		}
		if int64(len(v.End())) != v.Found() {
			t.Errorf("%d problems, and %d found", len(v.End()), v.Found())
		}
	})
}

func BenchmarkVerifier(b *testing.B) {
	c := aChain(b, 1000, 10)
	for b.Loop() {
		if problems := c.verify("node-1"); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
