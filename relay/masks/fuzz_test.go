package masks

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// FuzzShowing looks whether JSON stays the same JSON but for stars, whether a value passes that
// is whole in a string, and whether what has no hit changes.
func FuzzShowing(f *testing.F) {
	for _, tt := range shown {
		f.Add(tt.before, tt.data)
	}
	for _, tt := range cutTexts {
		f.Add(inText(tt.in[:5]), inText(tt.in[5:]))
	}
	r := newRig(f, append(cutValues, "31415926")...)
	set, _ := mask.NewSet(append(cutValues, "31415926"), nil)
	f.Fuzz(func(t *testing.T, before, data string) {
		for _, mask := range []func() string{
			func() string { return r.show(before, data) },
			func() string { return r.publish(before, data)[1] },
			func() string { return r.show("", r.show(before, data)) },
		} {
			found := r.found()
			got := mask()
			if r.found() == found && got != data {
				t.Fatalf("%q became %q without a hit", data, got)
			}
			if json.Valid([]byte(data)) {
				sameShape(t, data, got)
			}
			for _, s := range stringsOf(got) {
				if hits := set.Find("", s); hits != nil {
					t.Fatalf("%q passes in %q, of %q", s[hits[0].From:hits[0].To], got, data)
				}
			}
		}
		r.publish("\n")
	})
}

// FuzzPublishing looks whether a text that is cut between events of one call is masked as if it
// was not.
func FuzzPublishing(f *testing.F) {
	for _, tt := range cutTexts {
		f.Add(tt.in, len(tt.in)/3, len(tt.in)/2)
	}
	r := newRig(f, append(cutValues, "31415926")...)
	r.rules = protocol.MaskRules{{Pattern: "*", Field: "text", Shapes: true}}
	f.Fuzz(func(t *testing.T, text string, i, j int) {
		if i < 0 || j < i || j > len(text) || !utf8.ValidString(text[:i]) || !utf8.ValidString(text[i:j]) || !utf8.ValidString(text[j:]) {
			return
		}
		want := textOf(t, r.show("", inText(text)))
		got := ""
		for _, data := range r.publish(inText(text[:i]), inText(text[i:j]), inText(text[j:])) {
			got += textOf(t, data)
		}
		r.open.set(protocol.ChannelName{App: app, Channel: channel}, "")
		if starsRun.ReplaceAllString(got, "***") != starsRun.ReplaceAllString(want, "***") {
			t.Errorf("%q, cut at %d and %d: %q, want %q", text, i, j, got, want)
		}
	})
}

// stringsOf are all strings in data, numbers and names included.
func stringsOf(data string) (all []string) {
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	if !json.Valid([]byte(data)) {
		return []string{data}
	}
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case string:
			all = append(all, token)
		case json.Number:
			all = append(all, token.String())
		}
		if err != nil {
			return all
		}
	}
}

// sameShape looks whether two JSON texts have the same tokens: but that strings and numbers may
// have become strings with stars.
func sameShape(t *testing.T, was, is string) {
	t.Helper()
	a, b := json.NewDecoder(strings.NewReader(was)), json.NewDecoder(strings.NewReader(is))
	a.UseNumber()
	b.UseNumber()
	for {
		old, err := a.Token()
		now, other := b.Token()
		if (err == nil) != (other == nil) {
			t.Fatalf("%q became %q: %v, %v", was, is, err, other)
		}
		if err != nil {
			return
		}
		if text, ok := now.(string); old != now && (!ok || !hasStars(text)) {
			t.Fatalf("%q became %q: %v became %v", was, is, old, now)
		}
	}
}

// hasStars says whether a string has stars, or base64 of them.
func hasStars(text string) bool {
	if strings.Contains(text, mask.Stars) {
		return true
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	return err == nil && strings.Contains(string(decoded), mask.Stars)
}
