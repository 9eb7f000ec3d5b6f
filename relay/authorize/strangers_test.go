package authorize_test

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/authorize"
)

// A host that is shown many tokens that it does not know refuses whatever the relay asks: so who makes
// them up is told to wait. Others are not, nor is somebody at his address whom the host knows.
func TestWhoMakesUpTokensIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s, log := askingHost(t, authorize.NewGitHub, g.URL)
	now := time.Now()
	s.SetNow(func() time.Time { return now })
	ask := func(address netip.Addr, token string) (string, bool) {
		g.Asked()
		q := of(build, "acme", "site")
		q.Address, q.Authorization = address, auth.Secret("Bearer "+token)
		_, err := s.Decide(t.Context(), q)
		if err != nil && strings.Contains(err.Error(), "too many tokens that nobody knows") {
			return "busy", len(g.Asked()) > 0
		}
		return outcome(err), len(g.Asked()) > 0
	}
	expect := func(address netip.Addr, token, want string, asked bool) {
		t.Helper()
		if got, did := ask(address, token); got != want || did != asked {
			t.Errorf("%s from %s: %s, asked: %v, want %s, %v", token, address, got, did, want, asked)
		}
	}
	flood, other := netip.MustParseAddr("2001:db8::"), netip.MustParseAddr("2001:db8:0:1::")
	expect(flood, "ada-t0ken", "yes", true)
	for i := range authorize.MostStrangers {
		flood = flood.Next() // all of one /64
		expect(flood, "made-up-"+strconv.Itoa(i), "no", true)
	}
	expect(flood, "made-up-more", "busy", false)
	expect(flood, "robot-t0ken", "busy", false)
	expect(flood, "made-up-0", "no", false)
	expect(flood, "ada-t0ken", "yes", true)
	expect(other, "robot-t0ken", "yes", true)
	expect(other, "made-up-more", "no", true)
	now = now.Add(time.Minute)
	expect(flood, "made-up-0", "no", true)
	expect(flood, "robot-t0ken", "yes", true)
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
}

// A page whose token has expired asks again and again, about all that it shows: that is one token.
func TestATokenThatIsNotKnownIsAskedAboutOnceInAWhile(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s, _ := askingHost(t, authorize.NewGitHub, g.URL)
	for i := range 2 * authorize.MostStrangers {
		q := of(build, "acme", "site"+strconv.Itoa(i))
		q.Authorization = "Bearer expired"
		if _, err := s.Decide(t.Context(), q); !errors.Is(err, authorize.ErrDenied) {
			t.Errorf("%v", err)
		}
	}
	if asked := g.Asked(); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}
