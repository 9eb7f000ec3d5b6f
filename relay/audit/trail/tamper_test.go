package trail_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// A crash leaves a part of the last line, of any length.
func TestATornLastLineIsCutOff(t *testing.T) {
	folder := t.TempDir()
	text, lines := writtenSpool(t, folder, 3)
	last := len(text) - len(lines[3])
	for cut := last - 2; cut < len(text); cut += 23 {
		whole := 3
		if cut < len(text) {
			whole = 2
		}
		if cut < last {
			whole = 1
		}
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.stop()
				if err := os.WriteFile(r.config.Spool, text[:cut], 0o600); err != nil {
					t.Fatal(err)
				}
				other := r.again()
				r.fail(errAway)
				other.run()
				other.note(3, 5)
				pass(time.Second)
				r.fail(nil)
				pass(10 * time.Second)
				other.expect(append(from(0, whole), 3, 4))
				if gaps := other.gaps(); len(gaps) > 0 {
					t.Errorf("the gaps are %+v", gaps)
				}
			})
		})
	}
}

// writtenSpool returns what a spool with some records looks like.
func writtenSpool(t *testing.T, folder string, records int) (text []byte, lines [][]byte) {
	t.Helper()
	r := newRig(t, folder, nil)
	r.fail(errAway)
	r.note(0, records)
	r.run()
	r.stop()
	text = r.spooled()
	return text, bytes.SplitAfter(bytes.TrimSuffix(text, nil), []byte("\n"))[:records+1]
}

// Lines 1 to 6 are the records 0 to 5.
func TestWhatSomebodyDidToTheSpoolIsDroppedAndTold(t *testing.T) {
	t.Parallel()
	_, other := writtenSpool(t, t.TempDir(), 6)
	cases := map[string]struct {
		change func(lines [][]byte) [][]byte
		kept   []int
		lost   int64
	}{
		"nothing": {func(l [][]byte) [][]byte { return l }, from(0, 6), 0},
		"a record edited": {func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte(`"u1"`), []byte(`"u2"`), 1)
			return l
		}, []int{0, 1, 3, 4, 5}, 1},
		"the last edited": {func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`"u1"`), []byte(`"u2"`), 1)
			return l
		}, from(0, 5), 1},
		"a number edited": {func(l [][]byte) [][]byte {
			l[3] = append([]byte("9"), l[3]...)
			return l
		}, []int{0, 1, 3, 4, 5}, 1},
		"all edited": {func(l [][]byte) [][]byte {
			for i := range l[1:] {
				l[i+1] = bytes.Replace(l[i+1], []byte(`"u1"`), []byte(`"u2"`), 1)
			}
			return l
		}, nil, 6},
		"taken out":        {func(l [][]byte) [][]byte { return slices.Delete(l, 3, 5) }, []int{0, 1, 4, 5}, 2},
		"the first taken":  {func(l [][]byte) [][]byte { return slices.Delete(l, 1, 3) }, []int{2, 3, 4, 5}, 2},
		"swapped":          {func(l [][]byte) [][]byte { l[2], l[3] = l[3], l[2]; return l }, []int{0, 2, 3, 4, 5}, 2},
		"doubled":          {func(l [][]byte) [][]byte { return slices.Insert(l, 4, l[2]) }, from(0, 6), 1},
		"rubbish":          {func(l [][]byte) [][]byte { return slices.Insert(l, 4, []byte("\x00\xff\n"), []byte("\n")) }, from(0, 6), 2},
		"of another spool": {func(l [][]byte) [][]byte { l[3] = other[3]; return l }, []int{0, 1, 3, 4, 5}, 1},
		"another's head":   {func(l [][]byte) [][]byte { l[0] = other[0]; return l }, nil, 6},
		"no head":          {func(l [][]byte) [][]byte { return l[1:] }, nil, 5},
		"a very long line": {func(l [][]byte) [][]byte {
			return slices.Insert(l, 4, append(bytes.Repeat([]byte("x"), 300_000), '\n'))
		}, from(0, 6), 1},
		"an edited record that was shortened": {func(l [][]byte) [][]byte { l[3] = []byte("{}\n"); return l }, []int{0, 1, 3, 4, 5}, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, lines := writtenSpool(t, t.TempDir(), 6)
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.stop()
				if err := os.WriteFile(r.config.Spool, bytes.Join(c.change(lines), nil), 0o600); err != nil {
					t.Fatal(err)
				}
				again := r.again()
				again.run()
				pass(3 * time.Second)
				again.note(100, 101)
				pass(time.Second)
				again.expect(append(slices.Clone(c.kept), 100))
				gaps := again.gaps()
				switch {
				case c.lost == 0 && len(gaps) > 0:
					t.Errorf("the gaps are %+v", gaps)
				case c.lost > 0 && (len(gaps) != 1 || gaps[0].Reason != "spool" || gaps[0].Count != c.lost):
					t.Errorf("the gaps are %+v, want %d lost", gaps, c.lost)
				}
			})
		})
	}
}

// Even while the node runs.
func TestASpoolThatIsCutWhileItIsUsedIsTold(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 100)
		pass(time.Second)
		if err := os.Truncate(r.config.Spool, int64(len(r.spooled())/2)); err != nil {
			t.Fatal(err)
		}
		r.fail(nil)
		pass(10 * time.Second)
		gaps := r.gaps()
		if len(gaps) != 1 || gaps[0].Reason != "spool" {
			t.Fatalf("the gaps are %+v", gaps)
		}
		r.expect(from(0, 100-int(gaps[0].Count)))
		if gaps[0].Count < 40 || gaps[0].Count > 60 {
			t.Errorf("%d of 100 records are lost", gaps[0].Count)
		}
		r.fail(errAway)
		r.note(200, 210)
		pass(time.Second)
		r.fail(nil)
		pass(10 * time.Second)
		if n := len(r.has()); n != 100-int(gaps[0].Count)+1+10 {
			t.Errorf("%d records", n)
		}
	})
}
