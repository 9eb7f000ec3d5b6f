package broker_test

import (
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/relay/broker"
	"buildrelay/relay/seal"
)

// vault is the keys of these tests, and how the apps seal by them.
type vault struct {
	*seal.Keys
	set  *seal.Keyset
	mode atomic.Value // an auth.Seal
}

func newVault(t testing.TB, mode auth.Seal) *vault {
	t.Helper()
	set, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	v := &vault{Keys: seal.NewKeys(set), set: set}
	v.mode.Store(mode)
	return v
}

// seals makes a broker seal, and open, with the keys.
func (v *vault) seals(c *broker.Config) {
	c.Keys = v.Keys
	c.Seal = func(string) auth.Seal { return v.mode.Load().(auth.Seal) }
}

// change puts another key set in force, which is made of the one that is.
func (v *vault) change(t testing.TB, do func(*seal.Keyset) (*seal.Keyset, error)) {
	t.Helper()
	next, err := do(v.set)
	if err != nil {
		t.Fatal(err)
	}
	v.set = next
	v.Replace(next)
}

// sealed is what a backend that has the keys makes of data.
func (v *vault) sealed(t testing.TB, app, channel, event, data string) string {
	t.Helper()
	text, err := v.SealEntry(app, channel, event, "", data)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// refused is how many events were not shown, for a reason.
func (r *rig) refused(why string) float64 {
	return testutil.ToFloat64(r.metrics.SealRefused.WithLabelValues(why))
}
