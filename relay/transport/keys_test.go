package transport_test

import (
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/audit"
	"buildrelay/relay/transport"
)

// keyed is an app whose clients may connect by one of its keys.
func keyed() auth.App {
	return auth.App{ID: "ci", Keys: []auth.Key{
		{Key: "good", Secret: "s"},
		{Key: "old", Secret: "s", State: auth.KeyRevoked},
		{Key: "builder", Secret: "s", Rights: []auth.Right{auth.RightPublish, auth.RightRead}},
	}}
}

// A client is told of a key that is revoked what it is told of none; who looks after the node
// sees that there was one.
func TestClientsWithAKeyThatIsNotForThemAreRefusedAndRecorded(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]struct {
		code           int
		told, recorded string
	}{
		"nobody":  {4001, "App key nobody not in this cluster", "App key nobody not in this cluster. Did you forget to specify the cluster?"},
		"old":     {4001, "App key old not in this cluster", "revoked key"},
		"builder": {4009, "App key builder lacks the right to subscribe", "App key builder lacks the right to subscribe"},
	} {
		r := newRig(t, transport.AdmissionConfig{}, nil, keyed())
		r.apps.Uses.Keep([]auth.App{keyed()}, time.Now())
		refused(r.dial(t, key), want.code, want.told)
		app := map[bool]string{true: "ci"}[key != "nobody"]
		got := r.trail.await(t, audit.ActionConnectionRefuse)
		if p := got.Payload.(audit.ConnectionRefuse); p.Reason != want.recorded || p.App != app || got.Scope.ID != app || got.Target.ID != key {
			t.Errorf("%s: recorded as %+v", key, got)
		}
		for _, use := range r.apps.Uses.All() {
			if n := map[bool]int64{true: 1}[use.Key == key]; use.Refused != n {
				t.Errorf("%s: the refusals of %s are %d", key, use.Key, use.Refused)
			}
		}
		r.dial(t, "good").Established()
	}
}
