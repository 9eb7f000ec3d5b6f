package clientcert_test

import (
	"testing"

	"buildrelay/relay/relaytest"
)

// A caller makes many calls in a minute, of which the first verifies.
func BenchmarkCheck(b *testing.B) {
	authority := relaytest.NewAuthority(b)
	shown := state(authority.Issue(nil))
	b.Run("first", func(b *testing.B) {
		r := rule(authority)
		for b.Loop() {
			r.Forget()
			if _, refused := r.Check(shown); refused != nil {
				b.Fatal(refused)
			}
		}
	})
	b.Run("further", func(b *testing.B) {
		r := rule(authority)
		for b.Loop() {
			if _, refused := r.Check(shown); refused != nil {
				b.Fatal(refused)
			}
		}
	})
}
