package authorize_test

import (
	"strconv"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/authorize"
)

// Of how many tokens something is remembered is bounded: whoever makes them up fills nothing.
func TestWhatIsRememberedOfTokensIsBounded(t *testing.T) {
	t.Parallel()
	var tokens authorize.ByToken
	now := time.Now()
	if _, ok := tokens.Get("none", now); ok {
		t.Error("something is known of a token that nobody has shown")
	}
	for i := range authorize.MostTokens + 10 {
		token := auth.Secret(strconv.Itoa(i))
		tokens.Put(token, i, now.Add(time.Minute), now)
		if got, ok := tokens.Get(token, now.Add(time.Minute-1)); !ok || got != i {
			t.Fatalf("%d: %d, %v", i, got, ok)
		}
		if _, ok := tokens.Get(token, now.Add(time.Minute)); ok {
			t.Fatalf("%d is remembered for too long", i)
		}
	}
	if n := tokens.Len(); n != authorize.MostTokens {
		t.Errorf("%d are remembered", n)
	}
	tokens.Put("new", 1, now.Add(2*time.Minute), now.Add(time.Minute))
	if n := tokens.Len(); n != 1 {
		t.Errorf("%d are remembered when all but one are over", n)
	}
}
