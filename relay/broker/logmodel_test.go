package broker_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// modelLog is a log as a Go slice, with the limits in force.
type modelLog struct {
	chain    chain
	closed   bool
	entries  []modelEntry // that are retained
	maxLen   int
	maxBytes int
	ids      map[string]protocol.Position
}

type modelEntry struct {
	at   protocol.Position
	data string
}

func (m *modelLog) bytes() int {
	sum := 0
	for _, e := range m.entries {
		sum += len("e") + len(e.data)
	}
	return sum
}

func (m *modelLog) append(data string) protocol.Position {
	at := m.chain.next("e", data)
	m.entries = append(m.entries, modelEntry{at, data})
	for len(m.entries) > 1 && (len(m.entries) > m.maxLen || m.bytes() > m.maxBytes) {
		m.entries = m.entries[1:]
	}
	return at
}

// Whatever a publisher does, the log is the slice, and each read of it what the slice
// says.
func TestALogIsWhatTheModelSays(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		for seed := range uint64(3) {
			l.do("FLUSHALL")
			rnd := rand.New(rand.NewPCG(seed, 0))
			m := &modelLog{maxLen: protocol.DefaultLogEvents, maxBytes: protocol.DefaultLogBytes, ids: map[string]protocol.Position{}}
			for step := range 150 {
				if !m.step(t, l, rnd) || !m.check(t, l, rnd) {
					t.Fatalf("seed %d, step %d", seed, step)
				}
			}
		}
	})
}

// step does something to both.
func (m *modelLog) step(t *testing.T, l *logRig, rnd *rand.Rand) (good bool) {
	data := strings.Repeat("x", rnd.IntN(60))
	id := ""
	if rnd.IntN(3) == 0 {
		id = fmt.Sprint(rnd.IntN(40))
	}
	var options []string
	final := rnd.IntN(20) == 0
	if final {
		options = append(options, `"final":true`)
	}
	begin := rnd.IntN(3) == 0
	if begin {
		options = append(options, `"begin":true`)
	}
	maxLen, maxBytes := 0, 0
	if rnd.IntN(20) == 0 {
		maxLen = 1 + rnd.IntN(20)
		options = append(options, fmt.Sprintf(`"maxlen":%d`, maxLen))
	}
	if rnd.IntN(20) == 0 {
		maxBytes = 1 + rnd.IntN(1000)
		options = append(options, fmt.Sprintf(`"maxbytes":%d`, maxBytes))
	}
	text, duplicate, _, err := l.append("e", data, id, "{"+strings.Join(options, ",")+"}")

	before, known := m.ids[id]
	if id != "" && known {
		if text != before.String() || !duplicate || err != nil {
			t.Errorf("id %s again: %s %v %v, want %s", id, text, duplicate, err, before)
		}
		return !t.Failed()
	}
	if m.closed && !begin {
		if err == nil || !strings.HasPrefix(err.Error(), "LOGCLOSED") {
			t.Errorf("closed: %s %v", text, err)
		}
		return !t.Failed()
	}
	at, err2 := protocol.ParsePosition(text)
	if err != nil || err2 != nil || duplicate {
		t.Errorf("%s %v %v", text, duplicate, err)
		return false
	}
	if m.closed || m.chain.epoch == "" {
		m.chain, m.entries = chain{epoch: at.Epoch}, nil
		m.maxLen, m.maxBytes = protocol.DefaultLogEvents, protocol.DefaultLogBytes
	}
	if maxLen > 0 {
		m.maxLen = maxLen
	}
	if maxBytes > 0 {
		m.maxBytes = maxBytes
	}
	if want := m.append(data); at != want {
		t.Errorf("at %s, want %s", at, want)
	}
	m.closed = final
	if id != "" {
		m.ids[id] = at
	}
	return !t.Failed()
}

// check compares a read from anywhere.
func (m *modelLog) check(t *testing.T, l *logRig, rnd *rand.Rand) (good bool) {
	if len(m.entries) == 0 {
		return true
	}
	skip := rnd.IntN(len(m.entries) + 1) // entries of the slice that are not read
	from := since(m.entries[max(skip-1, 0)].at)
	if skip == 0 {
		from = first
	}
	page := l.read(from)
	if n, bytes, _ := l.retained(); n != fmt.Sprint(len(m.entries)) || bytes != fmt.Sprint(m.bytes()) {
		t.Errorf("counted %s entries of %s bytes, want %d of %d", n, bytes, len(m.entries), m.bytes())
	}
	var want, got []modelEntry
	want = append(want, m.entries[skip:]...)
	for _, e := range page.Entries {
		got = append(got, modelEntry{e.Link.At, e.Data})
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(modelEntry{})); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	oldest, newest := m.entries[0].at, m.entries[len(m.entries)-1].at
	if page.Oldest != oldest.ID || page.Top != newest || page.Closed != m.closed || page.More || page.Bad != 0 {
		t.Errorf("page %+v", page)
	}
	var missing int64
	if g := page.Gap(); g != nil {
		missing = g.Missing
	}
	if wanted := int64(oldest.ID.Offset - 1); skip == 0 && missing != wanted || skip > 0 && missing != 0 {
		t.Errorf("%d missing, want %d where nothing is skipped; skipped %d", missing, wanted, skip)
	}
	return !t.Failed()
}
