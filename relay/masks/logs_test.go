package masks

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"buildrelay/relay/relaytest"
)

// planted is a part of the log of a real build with values in it, in some form or other.
func planted(t *testing.T, r *rand.Rand, name string, values []string) string {
	t.Helper()
	const part = 100 << 10
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	log := string(text)
	if len(log) > part {
		from := r.IntN(len(log) - part)
		log = log[from : from+part]
	}
	for range 30 {
		at := r.IntN(len(log))
		log = log[:at] + " " + formOf(r, values[r.IntN(len(values))]) + " " + log[at:]
	}
	return log
}

func formOf(r *rand.Rand, v string) string {
	return []string{v, base64.StdEncoding.EncodeToString([]byte(v)), hex.EncodeToString([]byte(v)), url.QueryEscape(v)}[r.IntN(4)]
}

// record is an event as pipe publishes it.
func record(text string) string {
	type output struct {
		Seq    int    `json:"seq"`
		Text   string `json:"text,omitempty"`
		Base64 []byte `json:"base64,omitempty"`
	}
	o := output{Seq: 1, Text: text}
	if !utf8.ValidString(text) {
		o = output{Seq: 1, Base64: []byte(text)}
	}
	data, _ := json.Marshal(o)
	return string(data)
}

func TestNoValuePassesInALogHoweverItIsCut(t *testing.T) {
	t.Parallel()
	const least = 100 // bytes of an event: no form of a value is in more than two
	values := []string{secret, "s3cr3t/with+more=", "31415926535", "it's \"quoted\"", "ünïcödé-value"}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for _, name := range relaytest.RealLogs(t) {
		log := planted(t, random, name, values)
		var events []string
		for len(log) > 0 {
			n := min(len(log), least+random.IntN(2000))
			events, log = append(events, record(log[:n])), log[n:]
		}
		r := newRig(t, values...)
		var published, shown strings.Builder
		before := ""
		for i, data := range events {
			shown.WriteString(outputOf(r.show(before, data), "text"))
			before = data
			if i%3 == 0 { // three in a call
				for _, data := range r.publish(append([]string(nil), events[i:min(i+3, len(events))]...)...) {
					published.WriteString(outputOf(data, "text"))
				}
			}
		}
		for _, v := range values {
			for _, form := range []string{v, base64.StdEncoding.EncodeToString([]byte(v)), hex.EncodeToString([]byte(v)), url.QueryEscape(v)} {
				if strings.Contains(published.String(), form) || strings.Contains(shown.String(), form) {
					t.Errorf("seed %d: %q passes in %s", seed, form, name)
				}
			}
		}
		if n := r.found(); n < 50 {
			t.Errorf("seed %d: %v hits in %s", seed, n, name)
		}
	}
}
