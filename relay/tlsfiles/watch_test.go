package tlsfiles_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/tlsfiles"
)

func publicOf(c *tls.Certificate) *ecdsa.PublicKey {
	return &c.PrivateKey.(*ecdsa.PrivateKey).PublicKey
}

func TestALookThatIsAskedForTakesWhatIsThere(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first, second := issue(a, "first", nil), issue(a, "second", nil)
	r := newRig(t, first)
	r.watch.StepAtOnce()
	if !strings.Contains(r.log.String(), "TLS files are what is in force") {
		t.Errorf("that nothing has changed is not logged: %s", r.log.String())
	}
	r.write(second)
	r.watch.StepAtOnce()
	r.expect(second, 1, 0, true)
	r.writeFile(r.key, first.key)
	r.watch.StepAtOnce()
	r.watch.StepAtOnce()
	r.expect(second, 1, 2, false) // each who asks is answered
	r.write(second)
	r.watch.StepAtOnce()
	r.expect(second, 1, 2, true)
}

func TestRunLooksByItselfAndWhenItIsAsked(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first, second := issue(a, "first", nil), issue(a, "second", nil)
	r := newRig(t, first)
	start := func(every time.Duration) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { // stop waits for it
			defer close(ended)
			r.watch.Run(ctx, every)
		}()
		return func() { cancel(); <-ended }
	}
	stop := start(time.Hour)
	r.write(second)
	r.watch.Reload(t.Context())
	stop()
	r.expect(second, 1, 0, true)

	stop = start(time.Millisecond)
	r.write(first)
	relaytest.Eventually(t, "the first is in force", func() bool {
		return r.pair.Certificate().Leaf.Subject.CommonName == "first"
	})
	stop()
	r.expectMetrics(first.leaf.NotAfter, true)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	r.watch.Reload(ended) // nobody looks, and nobody waits
}

func TestNothingIsLookedAtWhereThereIsNothing(t *testing.T) {
	authorities, err := tlsfiles.LoadAuthorities("redis_authorities", "")
	if err != nil || authorities.Pool() != nil {
		t.Errorf("without a file: %v, %v", authorities, err)
	}
	revocations, err := tlsfiles.LoadRevocations("client_revocations", "")
	if err != nil || revocations.Lists() != nil {
		t.Errorf("without a file: %v, %v", revocations, err)
	}
	w := &tlsfiles.Watch{
		Pairs: []*tlsfiles.Pair{nil}, Authorities: []*tlsfiles.Authorities{authorities}, Revocations: []*tlsfiles.Revocations{revocations},
	}
	if n := w.Len(); n != 0 {
		t.Errorf("%d are looked at", n)
	}
}
