package trail_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

// refusal is a refused connection of an address.
func refusal(address string) audit.Record {
	r := audit.New(time.Now(), audit.ActionConnectionRefuse, audit.ConnectionRefuse{App: "x", IP: address, Code: 4001, Reason: "app"})
	r.Metadata = map[string]string{"ip": address}
	return r
}

// counts are the counts of the refusals in the database, by the address of their metadata.
func (r *rig) counts() map[string][]int {
	r.t.Helper()
	counts := make(map[string][]int)
	for _, e := range r.has() {
		rec, err := audit.Decode(e.Line)
		if err != nil {
			r.t.Fatal(err)
		}
		var payload audit.ConnectionRefuse
		if err := json.Unmarshal(rec.Payload.(json.RawMessage), &payload); err != nil {
			r.t.Fatal(err)
		}
		ip := rec.Metadata["ip"]
		if payload.IP != ip {
			r.t.Errorf("the payload is of %q, the metadata of %q", payload.IP, ip)
		}
		counts[ip] = append(counts[ip], payload.Count)
	}
	return counts
}

func TestTheFirstRefusalsOfAMinuteAreKeptAndTheRestCounted(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for range 1_000 {
			r.Refused(refusal("192.0.2.1"), "app", "192.0.2.1")
			pass(100 * time.Millisecond)
		}
		pass(2 * time.Minute)
		want := map[string][]int{"192.0.2.1": nil}
		for range 10 {
			want["192.0.2.1"] = append(want["192.0.2.1"], 1)
		}
		got := r.counts()
		sum := 0
		for _, n := range got["192.0.2.1"] {
			sum += n
		}
		if len(got) != 1 || sum != 1_000 || len(got["192.0.2.1"]) != 22 {
			t.Errorf("the counts are %v", got)
		}
		if diff := cmp.Diff(want["192.0.2.1"], got["192.0.2.1"][:10]); diff != "" {
			t.Error(diff)
		}
		if n := r.metric("buildrelay_audit_sampled_total"); n != 980 {
			t.Errorf("%v are counted as parts of a count", n)
		}
	})
}

func TestFewRefusalsAreAllKept(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for range 100 {
			r.Refused(refusal("192.0.2.1"), "app", "192.0.2.1")
			pass(10 * time.Second)
		}
		if got := r.counts()["192.0.2.1"]; len(got) != 100 {
			t.Errorf("the counts are %v", got)
		}
	})
}

func TestRefusalsAreToldApartByActionReasonAndNetwork(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for range 20 {
			r.Refused(refusal("a"), "app", "192.0.2.1")
			r.Refused(refusal("a"), "app", "::ffff:192.0.2.1") // the same
			r.Refused(refusal("b"), "app", "192.0.2.2")
			r.Refused(refusal("c"), "limit", "192.0.2.1")
			r.Refused(refusal("d"), "app", "2001:db8::1")
			r.Refused(refusal("d"), "app", "2001:db8::ffff:1") // the same /64
			r.Refused(refusal("e"), "app", "2001:db8:0:1::1")
			r.Refused(refusal("f"), "app", "")
			other := refusal("g")
			other.Action = audit.ActionSigninRefuse
			r.Refused(other, "app", "192.0.2.1")
		}
		pass(2 * time.Minute)
		ones := func(rest int) []int {
			counts := make([]int, 0, 11)
			for range 10 {
				counts = append(counts, 1)
			}
			return append(counts, rest)
		}
		want := map[string][]int{"a": ones(30), "b": ones(10), "c": ones(10), "d": ones(30), "e": ones(10), "f": ones(10), "g": ones(10)}
		if diff := cmp.Diff(want, r.counts()); diff != "" {
			t.Error(diff)
		}
	})
}

// A flood from many addresses costs as little as one from few.
func TestAFloodFromMoreAddressesThanAreToldApartIsCountedTogether(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		const addresses = 3_000
		for n := range addresses {
			address := fmt.Sprintf("10.0.%d.%d", n/256, n%256)
			r.Refused(refusal(address), "app", address)
		}
		pass(2 * time.Minute)
		counts := r.counts()
		if len(counts["others"]) != 1 || counts["others"][0] != addresses-1_000-10 {
			t.Errorf("of the others: %v", counts["others"])
		}
		if got := len(r.has()); got != 1_000+10+1 {
			t.Errorf("%d records", got)
		}
		r.Refused(refusal("10.1.1.1"), "app", "10.1.1.1")
		pass(time.Second)
		if got := r.counts()["10.1.1.1"]; len(got) != 1 {
			t.Errorf("after the flood an address is not told apart: %v", got)
		}
	})
}

// Whatever the reasons are, the memory is bounded.
func TestTooManyReasonsAreCountedTogether(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for n := range 3_000 {
			r.Refused(refusal("192.0.2.1"), fmt.Sprint(n), "192.0.2.1")
		}
		pass(2 * time.Minute)
		if got := len(r.has()); got != 1_000+100+10+1 {
			t.Errorf("%d records", got)
		}
		sum := 0
		for _, counts := range r.counts() {
			for _, n := range counts {
				sum += n
			}
		}
		if sum != 3_000 {
			t.Errorf("the counts are %d in sum", sum)
		}
	})
}

// A summary tells about others and leaves their records as they are.
func TestASummaryChangesNoRecordOfACaller(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		shared := refusal("192.0.2.9")
		for n := range 1_100 {
			shared.ID = audit.NewID()
			r.Refused(shared, fmt.Sprint(n%1_020), "192.0.2.9")
		}
		r.stop()
		if shared.Metadata["ip"] != "192.0.2.9" {
			t.Errorf("the metadata is %v", shared.Metadata)
		}
	})
}
