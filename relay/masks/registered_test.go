package masks

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// expectMasked looks which of some values are masked on a channel.
func (r *rig) expectMasked(t *testing.T, name string, want map[string]bool) {
	t.Helper()
	for value, masked := range want {
		if got := r.show("", value); (got == "***") != masked {
			t.Errorf("%s: %s is shown as %s", name, value, got)
		}
	}
}

func TestTheNewestRegistrationOfAChannelCounts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.expectMasked(t, "nothing registered", map[string]bool{"value-1": false})
	r.register(channel, 1, "value-1")
	r.expectMasked(t, "registered", map[string]bool{"value-1": true, "value-2": false})
	r.register(channel, 3, "value-3")
	r.expectMasked(t, "replaced", map[string]bool{"value-1": false, "value-3": true})
	r.register(channel, 2, "value-2")
	r.expectMasked(t, "an older one", map[string]bool{"value-2": false, "value-3": true})
	r.register("", 4, "value-4")
	r.register("other", 5, "value-5")
	r.expectMasked(t, "of the app, of another channel", map[string]bool{"value-3": true, "value-4": true, "value-5": false})
	r.register(channel, 6)
	r.expectMasked(t, "taken back", map[string]bool{"value-3": false, "value-4": true})
	r.register("", 7)
	if r.Applies(app, channel) || !r.Applies(app, "other") || r.Applies("another app", "other") {
		t.Error("what is taken back applies, or another app's")
	}
}

func TestRegistrationsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.clock = r.clock.Add(time.Hour - 1)
	r.expectMasked(t, "a moment before", map[string]bool{secret: true})
	r.clock = r.clock.Add(1)
	r.expectMasked(t, "at its end", map[string]bool{secret: false})
	for i := range 100 {
		r.register(fmt.Sprint(i), 2, secret)
	}
	r.show("", secret)
	r.clock = r.clock.Add(time.Hour)
	r.register("new", 3, secret)
	r.TellDue()
	if n := r.registered.count.Load(); n != 1 || len(r.registered.by) != 1 || len(r.sets.by.by) != 0 {
		t.Errorf("%d registrations are left, and %d compiled", n, len(r.sets.by.by))
	}
	r.Hear(Stored{App: app, Channel: "new", Sealed: "x", Until: r.clock, Version: 4})
	if r.Applies(app, "new") {
		t.Error("one that had ended before it was heard applies")
	}
}

// load has an app's registrations read.
func (r *rig) load(t *testing.T, all ...Stored) {
	t.Helper()
	if err := r.Load(app, func() ([]Stored, error) { return all, nil }); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasTakenBackDoesNotComeBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.Hear(Stored{App: app, Channel: channel, Version: 2})
	r.register(channel, 1, secret) // who registered it hears of it by itself, and late
	r.Hear(Stored{App: app, Channel: "other", Until: r.clock.Add(time.Hour), Version: 2})
	r.register("other", 1, secret) // what this node had not heard before it was taken back
	r.load(t, r.stored(channel, 1, secret), r.stored("other", 1, secret))
	if r.Applies(app, channel) || r.Applies(app, "other") {
		t.Error("it applies")
	}
	r.register(channel, 3, secret)
	if !r.Applies(app, channel) {
		t.Error("it is not registered again")
	}
	for name, s := range map[string]Stored{
		"by its end":             {App: app, Channel: "other", Version: 3, Until: r.clock.Add(time.Hour)},
		"by the end of a day":    {App: app, Channel: channel, Version: 4, Until: r.clock.Add(1000 * time.Hour)},
		"what was never there":   {App: app, Channel: "never", Version: 5},
		"what has ended already": {App: app, Channel: "ended", Version: 6, Until: r.clock},
	} {
		r.Hear(s)
		if r.Applies(app, s.Channel) {
			t.Errorf("%s: it applies", name)
		}
	}
	r.clock = r.clock.Add(25 * time.Hour)
	r.TellDue()
	if n := r.registered.count.Load(); n != 0 || len(r.registered.by) != 0 {
		t.Errorf("%d are remembered for ever", n)
	}
}

func TestOfWhatIsKnownAndWhatIsLoadedTheNewerCounts(t *testing.T) {
	t.Parallel()
	r := newRig(t, "value-1")
	r.Hear(Stored{App: "other", Channel: channel, Sealed: "value-1", Until: r.clock.Add(time.Hour), Version: 9})
	r.expectMasked(t, "before", map[string]bool{"value-1": true})
	r.load(t, r.stored(channel, 1, "value-1"), r.stored("new", 3, "value-3"), Stored{App: "other", Channel: "x", Sealed: "x", Until: r.clock.Add(time.Hour)})
	if !r.Applies(app, "new") || !r.Applies("other", channel) || r.Applies("other", "x") {
		t.Error("what applies is not what was loaded, and what another app had")
	}
	opened := r.opened
	r.expectMasked(t, "the same as before", map[string]bool{"value-1": true})
	if r.opened != opened {
		t.Error("the same values were opened again")
	}
	r.load(t, r.stored(channel, 5, "value-5"), Stored{App: app, Channel: "new", Until: r.clock.Add(time.Hour), Version: 6})
	r.expectMasked(t, "newer", map[string]bool{"value-1": false, "value-5": true})
	if r.Applies(app, "new") {
		t.Error("what was taken back applies")
	}
	if r.logged.Len() > 0 {
		t.Errorf("logged is %s", &r.logged)
	}
	failure := errors.New("away")
	if err := r.Load(app, func() ([]Stored, error) { return nil, failure }); !errors.Is(err, failure) || !r.Applies(app, channel) || r.logged.Len() > 0 {
		t.Errorf("an attempt in vain changed something, or gave %v", err)
	}
}

// Nobody took it back, so it is masked until it ends.
func TestWhatRedisLosesIsMaskedAllTheSameAndSaid(t *testing.T) {
	t.Parallel()
	said := func(r *rig, times int) {
		t.Helper()
		logged := r.logged.String()
		if got := strings.Count(logged, "level=ERROR"); got != times || times > 0 && (!strings.Contains(logged, "Redis lost what was registered") || !strings.Contains(logged, "app=3")) {
			t.Errorf("want %d errors, logged is %s", times, logged)
		}
	}
	r := newRig(t, secret)
	r.register("newer", 8, secret)
	for range 3 {
		r.load(t, r.stored("registered since", 9, secret), r.stored("newer", 7, "older"))
	}
	said(r, 1)
	if r.Applies(app, channel) != true || r.registered.by[app]["newer"].Version != 8 {
		t.Error("what was lost does not apply any more")
	}
	r.load(t, r.stored("registered since", 9, secret), r.stored("newer", 8, secret), r.stored(channel, 10, secret)) // registered again
	said(r, 1)
	r.load(t)
	said(r, 2)
	r.clock = r.clock.Add(time.Hour - time.Second)
	r.load(t, r.stored("the next", 11, secret))
	r.clock = r.clock.Add(time.Second)
	for range 2 { // the end is no loss, and not where Redis' clock is ahead
		r.load(t, r.stored("the next", 11, secret))
	}
	said(r, 2)
}

func TestWhatIsHeardWhileLoadingIsNotLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.register("replaced", 1, "value-1")
	r.register("taken back", 2, "value-1")
	old := []Stored{r.stored("replaced", 1, "value-1"), r.stored("taken back", 2, "value-1"), r.stored(channel, 6, "value-6")}
	err := r.Load(app, func() ([]Stored, error) {
		r.register("replaced", 3, "value-3")
		r.register("taken back", 4)
		r.register(channel, 5, "value-5")
		r.register("only heard", 7, "value-7")
		return old, nil
	})
	if err != nil || r.Applies(app, "taken back") || !r.Applies(app, "only heard") {
		t.Errorf("%v, or what applies is not what was heard", err)
	}
	if got := r.registered.by[app]["replaced"].Version; got != 3 {
		t.Errorf("version %d counts, want 3", got)
	}
	r.expectMasked(t, "newer than what was heard", map[string]bool{"value-5": false, "value-6": true})
	if r.logged.Len() > 0 {
		t.Errorf("logged is %s", &r.logged)
	}
}

func TestMasksAreUsedFromEverywhereAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Masks = New(Config{Open: func(_, _, sealed string) ([]string, error) { return []string{sealed}, nil }, Metrics: r.config.Metrics, Log: r.config.Log})
	until := time.Now().Add(time.Hour)
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for version := range int64(50) {
				s := Stored{App: app, Channel: channel, Sealed: fmt.Sprintf("value-%d-%d", i, version), Until: until, Version: version}
				r.Hear(s)
				r.show("hunter", "2xyz "+s.Sealed)
				r.publish("value-", "1-1", s.Sealed)
				_ = r.Load(app, func() ([]Stored, error) { return []Stored{s}, nil })
				r.Applies(app, channel)
				r.TellDue()
			}
		})
	}
	work.Wait()
}
