package mask

import (
	"os"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// Values are planted in the logs of real builds, in any form and anywhere: in sequences,
// in characters, in line ends.
func TestNoValuePassesInALogHoweverItIsCut(t *testing.T) {
	const part = 200 << 10
	values := append(fakeValues(50), hardValues...)
	s := mustSet(t, Shapes(), values...)
	r := chance(t)
	for _, name := range relaytest.RealLogs(t) {
		log, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		in := string(log)
		if len(in) > part {
			from := r.IntN(len(in) - part)
			in = in[from : from+part]
		}
		var planted []string
		for range 50 {
			all := patternsOf(values[r.IntN(len(values))])
			p := all[r.IntN(len(all))]
			at := r.IntN(len(in))
			in, planted = in[:at]+p+in[at:], append(planted, p)
		}
		var cuts []int
		for at := r.IntN(4000); at < len(in); at += 1 + r.IntN(4000) {
			cuts = append(cuts, at)
		}
		out, hits := pieces(s, in, cuts...)
		for _, p := range planted {
			if strings.Contains(out, p) {
				t.Errorf("%q passes in %s", p, name)
			}
		}
		if want, all := whole(s, in); want != out || all != hits {
			t.Errorf("in %s it matters how it was cut", name)
		}
		if hits[Value] < int64(len(slices.Compact(planted)))/2 {
			t.Errorf("%d hits in %s", hits[Value], name)
		}
	}
}
