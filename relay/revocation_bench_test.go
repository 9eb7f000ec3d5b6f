package relay_test

import (
	"fmt"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay"
)

// BenchmarkRevocations is what it costs to ask of a decision whether it was taken back: where it knows
// the newest of as many as there can be, as nearly all do, and where it knows none.
func BenchmarkRevocations(b *testing.B) {
	var r relay.Revocations
	hub := knowing(&r)
	for i := range relay.MostRevocations {
		hub.Revoke(relay.Revocation{Number: int64(10 + i), App: appID, User: fmt.Sprintf("user-%d", i), Channel: "private-build-*"})
	}
	for name, after := range map[string]int64{"known": r.Last(appID), "all unknown": 9} {
		b.Run(name, func(b *testing.B) {
			d := &auth.Decision{User: "ada", After: after}
			for b.Loop() {
				if r.Outdated(appID, "private-build-acme;site;7", d) {
					b.Fatal("outdated")
				}
			}
		})
	}
}
