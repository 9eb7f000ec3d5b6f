package trail_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
)

// heads reads the file of heads, of which every line must be a head that the key signed.
func (r *rig) heads() (heads []audit.Head) {
	r.t.Helper()
	text, err := os.ReadFile(r.config.Heads)
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var head audit.Head
		if err := json.Unmarshal(line, &head); err != nil {
			r.t.Fatalf("%v: %q", err, line)
		}
		if err := r.key.CheckHead(head); err != nil {
			r.t.Errorf("%v: %q", err, line)
		}
		heads = append(heads, head)
	}
	return heads
}

func TestTheFileOfHeadsHasTheNewestOneWithinASecond(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		var told []audit.Head
		r.stop()
		r = newRig(t, t.TempDir(), func(c *trail.Config) { c.Changed = func(h audit.Head) { told = append(told, h) } })
		r.run()
		written, before := 0, int64(0)
		for n := range 300 {
			r.Note(record(n))
			pass(100 * time.Millisecond)
			if _, err := os.Stat(r.config.Heads); err != nil {
				continue
			}
			if heads := r.heads(); len(heads) != 1 || heads[0].Chain != chain {
				t.Fatalf("the heads are %+v", heads)
			} else if heads[0].Seq > before {
				written++
				before = heads[0].Seq
			}
		}
		if written < 28 || written > 31 {
			t.Errorf("in 30 seconds the file was written %d times", written)
		}
		r.note(300, 305)
		r.stop()
		if heads := r.heads(); len(heads) != 1 || heads[0].Seq != 305 {
			t.Errorf("at the end the heads are %+v", heads)
		}
		if len(told) < 300 || told[len(told)-1].Seq != 305 {
			t.Errorf("told of %d heads", len(told))
		}
	})
}

// A node that gets another name leaves its former chain as it is: that it was shortened is to
// be found later, too.
func TestHeadsOfOtherChainsStayInTheFile(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.note(0, 10)
		pass(2 * time.Second)
		r.stop()
		stranger, err := audit.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		forged, err := json.Marshal(stranger.Sign(audit.Link{Chain: "node-3", Seq: 1, MAC: []byte("x")}, time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(r.config.Heads, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(append(forged, "\nrubbish"...)); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		other := newRig(t, filepath.Dir(r.config.Spool), func(c *trail.Config) { c.Chain = "node-2" })
		other.run()
		other.note(0, 5)
		pass(2 * time.Second)
		other.note(5, 7)
		pass(2 * time.Second)
		heads := other.heads()
		if len(heads) != 2 || heads[0].Chain != "node-2" || heads[0].Seq != 7 || heads[1].Chain != chain || heads[1].Seq != 10 {
			t.Errorf("the heads are %+v", heads)
		}
	})
}

func TestHeadsThatCannotBeWrittenAreTriedAgain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		if err := os.MkdirAll(filepath.Join(r.config.Heads, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		r.note(0, 10)
		pass(10 * time.Second)
		r.expect(from(0, 10))
		if n := r.log.count("the file of signed heads cannot be written"); n != 1 {
			t.Errorf("the log says it %d times", n)
		}
		if err := os.RemoveAll(r.config.Heads); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		if heads := r.heads(); len(heads) != 1 || heads[0].Seq != 10 {
			t.Errorf("the heads are %+v", heads)
		}
		if r.log.count("is written again") != 1 {
			t.Error("the log does not say that it is over")
		}
	})
}

// Who cuts off the end of the chain while no node runs has it found by the file of heads, and
// a node that goes on from there does not cover that up, not even when it starts again.
func TestAHeadThatIsFartherThanTheChainStaysInTheFile(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.note(0, 10)
		pass(2 * time.Second)
		r.stop()
		r.set(func(d *database) { d.link = audit.Link{Chain: chain} })
		for n := 10; n < 30; n += 4 {
			r = r.again()
			r.run()
			r.note(n, n+4)
			pass(2 * time.Second)
			r.stop()
			heads := r.heads()
			if len(heads) != 2 || heads[0].Seq != int64(n-6) || heads[1].Seq != 10 {
				t.Fatalf("the heads are %+v", heads)
			}
			if told := r.log.count("ends before its newest signed head"); told != 1 && n == 10 || told != 0 && n > 10 {
				t.Errorf("the log tells it %d times", told)
			}
		}
	})
}

// Nor does who cuts it off while the node is running.
func TestAHeadStaysInTheFileWhenTheEndIsCutOffUnderTheNode(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.note(0, 10)
		pass(2 * time.Second)
		r.set(func(d *database) { d.link = audit.Link{Chain: chain} })
		for n := 10; n < 30; n += 4 {
			r.note(n, n+4)
			pass(2 * time.Second)
			heads := r.heads()
			if len(heads) != 2 || heads[0].Seq != int64(n-6) || heads[1].Seq != 10 {
				t.Fatalf("the heads are %+v", heads)
			}
		}
		if told := r.log.count("ends before its newest signed head"); told != 1 {
			t.Errorf("the log tells it %d times", told)
		}
	})
}
