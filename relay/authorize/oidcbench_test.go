package authorize_test

import "testing"

// BenchmarkDecisionByToken is what it costs to judge a token of which nothing is known yet.
func BenchmarkDecisionByToken(b *testing.B) {
	f := newForge(b)
	for name, token := range map[string]string{
		"RS256": f.token(),
		"ES256": f.sign(`{"alg":"ES256","kid":"ec"}`, f.claims(), f.ec),
		"EdDSA": f.sign(`{"alg":"EdDSA","kid":"ed"}`, f.claims(), f.ed),
		"junk":  f.sign(`{"alg":"RS256","kid":"rsa"}`, f.claims(), f.ed),
	} {
		b.Run(name, func(b *testing.B) {
			d := newBelieving(b, f.server.URL, "relay", "repositories={owner}/{repo}")
			q := bearing(token)
			for b.Loop() {
				if _, err := d.Decide(b.Context(), q); (err == nil) != (name != "junk") {
					b.Fatal(err)
				}
				d.log.Reset()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}
