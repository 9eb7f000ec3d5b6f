package masks

import (
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/mask"
)

func TestValuesAreOpenedWhenTheyAreNeeded(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	if r.opened != 0 || !r.Applies(app, channel) || r.opened != 0 {
		t.Error("values were opened before an event needed them")
	}
	r.show("", "hunter2xyz")
	r.publish("hunter2xyz")
	if r.opened != 1 {
		t.Errorf("values were opened %d times", r.opened)
	}
}

func TestAsManyAreKeptCompiledAsThereIsMemoryFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	set, _ := mask.NewSet([]string{"value-000"}, nil)
	r.sets = newSets(3 * set.Size())
	values := func(i int) string { return fmt.Sprintf("value-%03d", i) }
	for i := range 10 {
		r.register(values(i), int64(i), values(i))
		r.set(r.registered.by[app][values(i)])
	}
	if n := len(r.sets.by.by); n != 3 || r.sets.by.order.Len() != 3 {
		t.Errorf("%d are kept, want 3", n)
	}
	opened := r.opened
	if r.set(r.registered.by[app][values(9)]) == nil || r.opened != opened {
		t.Error("the last one was opened again")
	}
	if r.set(r.registered.by[app][values(0)]) == nil || r.opened != opened+1 {
		t.Error("the first one was not opened again")
	}
	if got := testutil.ToFloat64(r.config.Metrics.MasksCompiled); got != 11 {
		t.Errorf("%v were compiled, want 11", got)
	}
}

func TestWhatCannotBeReadIsShownAndSaid(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.register("", 2, "value-of-the-app")
	unreadable := func(want float64) {
		t.Helper()
		if got := testutil.ToFloat64(r.config.Metrics.MasksUnreadable); got != want {
			t.Errorf("%v are unreadable, want %v", got, want)
		}
	}
	r.broken = true
	for range 3 {
		r.expectMasked(t, "unreadable", map[string]bool{secret: false, "value-of-the-app": false})
	}
	unreadable(2)
	if logged := r.logged.String(); strings.Count(logged, "ERROR") != 1 || !strings.Contains(logged, "app=3") || strings.Contains(logged, secret) {
		t.Errorf("logged is %s", logged)
	}
	r.broken = false
	r.expectMasked(t, "left alone for a while", map[string]bool{secret: false})
	r.clock = r.clock.Add(retry)
	r.expectMasked(t, "tried again", map[string]bool{secret: true, "value-of-the-app": true})
	unreadable(0)
	r.broken = true
	r.register(channel, 3, "value-3")
	r.expectMasked(t, "unreadable again", map[string]bool{"value-3": false})
	r.broken = false
	if err := r.Load(app, func() ([]Stored, error) { return []Stored{r.stored(channel, 3, "value-3")}, nil }); err != nil {
		t.Fatal(err)
	}
	r.expectMasked(t, "loaded again", map[string]bool{"value-3": true})
	unreadable(0)
	r.broken = true
	r.register(channel, 4, "another")
	r.show("", "another")
	unreadable(1)
	r.register(channel, 5)
	unreadable(0)
}

func TestOfTooManyValuesTheFirstAreMasked(t *testing.T) {
	t.Parallel()
	var values []string
	for i := range MaxValues + 1 {
		values = append(values, fmt.Sprintf("v-%04d", i))
	}
	large := strings.Repeat("0123456789abcdef", MaxBytes/16)
	const awkward = `"'<>&$/+ ~#%`
	for name, tt := range map[string]struct {
		values []string
		good   int
	}{
		"all that are allowed": {values[:MaxValues], MaxValues},
		"one more":             {values, MaxValues},
		"as large as allowed":  {[]string{large}, 1},
		"one byte more":        {[]string{secret, large}, 1},
		"two that are long":    {[]string{strings.Repeat(awkward, 120), secret}, 2},
		"one that is longer":   {[]string{secret, strings.Repeat(awkward, 300), "another-one"}, 1},
		"a private key":        {[]string{pemOf(2400)}, 1},
		"a file with a key":    {[]string{fmt.Sprintf(`{"type": "service_account", "private_key": %q, "client_email": "deploy@example.com"}`, pemOf(1220)), secret}, 2},
	} {
		r := newRig(t, tt.values...)
		over := tt.good < len(tt.values)
		masked := func(i int) bool { return r.show("", "x\n"+tt.values[i]) == "x\n***" }
		if !masked(0) || !masked(tt.good-1) {
			t.Errorf("%s: some are shown", name)
		}
		if over && masked(tt.good) {
			t.Errorf("%s: the one that is too many is masked", name)
		}
		if got := testutil.ToFloat64(r.config.Metrics.MasksUnreadable) == 1; got != over {
			t.Errorf("%s: it is said: %v", name, got)
		}
		good, refused, err := Check(tt.values)
		if (err != nil) != over || !over && (len(good) != tt.good || refused != nil) {
			t.Errorf("%s: checked, %d are good, refused %v: %v", name, len(good), refused, err)
		}
	}
}

// pemOf is a private key of so many bytes, as files have it.
func pemOf(n int) string {
	key := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(key)
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

// What no registration may have is not tried again and again, as what cannot be opened.
func TestWhatIsTooCostlyAloneIsOpenedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, strings.Repeat(`"'<>&$/+ ~#%`, 1300))
	for range 3 {
		r.show("", secret)
		r.clock = r.clock.Add(2 * retry)
	}
	if got := testutil.ToFloat64(r.config.Metrics.MasksUnreadable); got != 1 || r.opened != 1 {
		t.Errorf("%v are unreadable, and it was opened %d times", got, r.opened)
	}
	if logged := r.logged.String(); !strings.Contains(logged, "only the first 0 of 1 values fit") {
		t.Errorf("logged is %s", logged)
	}
	if r.sets.by.size > MaxMemory {
		t.Errorf("it takes %d bytes", r.sets.by.size)
	}
}

func TestSomeValuesAreRefused(t *testing.T) {
	t.Parallel()
	good, refused, err := Check([]string{"short", secret, "password", "another-one"})
	if err != nil || len(good) != 2 || good[0] != secret || good[1] != "another-one" {
		t.Errorf("good are %q: %v", good, err)
	}
	if len(refused) != 2 || refused[0].Index != 0 || refused[1].Index != 2 {
		t.Errorf("refused are %v", refused)
	}
}

func TestACompiledRegistrationThatIsOverIsForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.show("", secret)
	r.register(channel, 2, "another")
	if n := len(r.sets.by.by); n != 0 || r.sets.by.size != 0 {
		t.Errorf("%d are kept, of %d bytes", n, r.sets.by.size)
	}
	r.clock = r.clock.Add(time.Hour)
	r.expectMasked(t, "ended", map[string]bool{"another": false})
}
