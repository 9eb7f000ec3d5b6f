package chaos_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest/chaos"
)

// F29: what comes goes again, and after hours there is no more of anything than at first.
func TestSoak(t *testing.T) {
	if os.Getenv("RELAY_SOAK") == "" {
		t.Skip("RELAY_SOAK says for how many minutes")
	}
	// What nodes keep of logs that are read whole grows with these.
	size := size(t, true)
	size.Kinds = []string{"last", "none"}
	for _, seed := range seeds(t) {
		last := time.Duration(number(t, "RELAY_SOAK", 1)) * time.Minute
		s := chaos.Soak{Act: chaos.Acts()[0], Size: size, Seed: seed, Warm: last / 4, Last: last, Expiry: 6 * time.Minute}
		k := s.Do(t)
		var text strings.Builder
		if err := k.WriteTable(&text); err != nil {
			t.Error(err)
		}
		t.Logf("seed %d:\n%s", seed, text.String())
		for _, wrong := range append(k.Outcome.Wrong(s.Act, soon), k.Wrong()...) {
			t.Errorf("with RELAY_CHAOS_SEEDS=%d %s", seed, wrong)
		}
	}
}
