package broker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// hostileSeals are data that somebody writes into the log of channel a of app 1, as an event
// called e, with the reason why it is not shown.
func hostileSeals(t *testing.T, v *vault) map[string]struct{ data, why string } {
	t.Helper()
	good, stranger := v.sealed(t, "1", "a", "e", "good"), newVault(t, auth.SealRequired)
	parts := strings.Split(good, ":") // relay-sealed, 1, id, text
	swap := func(at int, part string) string {
		changed := append([]string(nil), parts...)
		changed[at] = part
		return strings.Join(changed, ":")
	}
	other := func(c byte) string {
		if c == 'A' {
			return "B"
		}
		return "A"
	}
	text := parts[3]
	return map[string]struct{ data, why string }{
		"plain":                 {"lies", "plain"},
		"nothing":               {"", "plain"},
		"of a key of his own":   {stranger.sealed(t, "1", "a", "e", "lies"), "unknown_key"},
		"the last byte changed": {swap(3, text[:len(text)-4]+other(text[len(text)-4])+text[len(text)-3:]), "forged"},
		"the data changed":      {swap(3, text[:30]+other(text[30])+text[31:]), "forged"},
		"cut":                   {good[:len(good)-8], "forged"},
		"cut to nothing":        {"relay-sealed:", "forged"},
		"cut to its id":         {swap(3, ""), "forged"},
		"longer":                {good + "AAAA", "forged"},
		"of another version":    {swap(1, "2"), "forged"},
		"of no version":         {swap(1, ""), "forged"},
		"with another id":       {swap(2, "eA"), "forged"},
		"no base64":             {swap(3, "!"+text[1:]), "forged"},
		"of another channel":    {v.sealed(t, "1", "b", "e", "good"), "forged"},
		"of another app":        {v.sealed(t, "2", "a", "e", "good"), "forged"},
		"of another event":      {v.sealed(t, "1", "a", "f", "good"), "forged"},
	}
}

// Whoever can write to Redis, and has no key, shows nobody anything.
func TestWhatIsNotSealedForItsPlaceIsTold(t *testing.T) {
	t.Parallel()
	v := newVault(t, auth.SealRequired)
	l := newLogRig(t, relaytest.StartRedis(t).URL(), v.seals)
	l.start().waitReady()
	l.Watch("1", "a")
	l.expect("confirmed 1 a")
	for name, hostile := range hostileSeals(t, v) {
		t.Run(name, func(t *testing.T) {
			l.do("DEL", key, key+":meta")
			before := l.mustAppend("e", v.sealed(t, "1", "a", "e", "before"))
			at := l.mustAppend("e", hostile.data, "", `{"socket_id":"1.2"}`)
			after := l.mustAppend("e", v.sealed(t, "1", "a", "e", "after"))
			l.expect(
				fmt.Sprintf("event 1 a e before at %s after 0-0 sealed", before),
				fmt.Sprintf("unreadable 1 a at %s after %s", at, before.ID),
				fmt.Sprintf("event 1 a e after at %s after %s sealed", after, at.ID),
			)
			if n := l.refused(hostile.why); n != 1 {
				t.Errorf("live, %s is counted %v times", hostile.why, n)
			}
			if diff := cmp.Diff([]string{"before", "unavailable 1", "after"}, l.walk(first)); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if n := l.refused(hostile.why); n != 2 {
				t.Errorf("live and read, %s is counted %v times", hostile.why, n)
			}
			l.metrics.SealRefused.Reset()
		})
	}
}

// The last of a log, and all of it, are told as well.
func TestForgedEntriesAreToldWhereverTheyStand(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *logRig, v *vault) {
		good := func(data string) { l.mustAppend("e", v.sealed(t, "1", "a", "e", data)) }
		l.mustAppend("e", "lies")
		l.mustAppend("e", "lies")
		if diff := cmp.Diff([]string{"unavailable 2"}, l.walk(first)); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
		good("3")
		l.mustAppend("e", "lies", "", `{"final":true}`)
		if diff := cmp.Diff([]string{"unavailable 2", "3", "unavailable 1"}, l.walk(first)); diff != "" {
			t.Errorf("at both ends (-want +got):\n%s", diff)
		}
		if page := l.read(first); !page.Closed || page.Final == nil || page.Final.Entries != 4 {
			t.Errorf("a forged end is not told: %+v", page)
		}
	})
}

// A flood of them costs no more reads than as many good ones.
func TestAFloodOfForgedEntriesIsReadInPages(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *logRig, v *vault) {
		const pairs = 600
		for range pairs { // one after the other: the built-in Redis reads nothing while it runs a script
			for _, data := range []string{"lies", v.sealed(t, "1", "a", "e", "good")} {
				if err := l.client.Eval(t.Context(), appendScript, []string{key}, "e", data).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		reads, entries, holes := 0, 0, uint64(0)
		for from, last, more := first, uint64(0), true; more; reads++ {
			page := l.read(from)
			for _, e := range page.Entries {
				entries, holes, last = entries+1, holes+e.Link.Prev.Offset-last, e.Link.At.ID.Offset
			}
			from, more = since(page.End), page.More
		}
		if entries != pairs || holes != pairs || reads > 4 {
			t.Errorf("%d entries and %d holes by %d reads", entries, holes, reads)
		}
	})
}

// On a log channel there is no other way around the seal. Clients' events are theirs, and live
// channels have none.
func TestWhatIsPublishedBesideASealedLogIsShownAsTheAppSays(t *testing.T) {
	t.Parallel()
	v := newVault(t, auth.SealRequired)
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), logChannels, slanger(true), v.seals)
	r.Watch("1", "a")
	r.Watch("1", "live")
	r.expectAll("confirmed 1 a", "confirmed 1 live")
	published := func(event, data string) string {
		return string(protocol.EncodePublished([]protocol.Event{{Name: event, Data: data}}))
	}
	sealed := v.sealed(t, "1", "a", "e", "sealed")
	tests := []struct {
		name, channel, payload string
		required, acceptPlain  []string
		why                    string // under required
	}{
		{"plain", "buildrelay:1:a", published("e", "plain"), nil, []string{"event 1 a e plain"}, "plain"},
		{
			"plain beside sealed", "buildrelay:1:a", "[" + published("e", "plain") + "," + published("e", sealed) + "]",
			[]string{"event 1 a e sealed"},
			[]string{"event 1 a e plain", "event 1 a e sealed"},
			"plain",
		},
		{"forged", "buildrelay:1:a", published("f", sealed), nil, nil, "forged"},
		{"plain as Slanger does it", "a", `{"event":"e","data":"plain","channel":"a"}`, nil, []string{"event 1 a e plain"}, "plain"},
		{"plain by another channel", "live", `{"event":"e","data":"plain","channel":"a"}`, nil, []string{"event 1 a e plain"}, "plain"},
		{"a client's", "buildrelay:1:a", published("client-e", "plain"), []string{"event 1 a client-e plain"}, []string{"event 1 a client-e plain"}, ""},
		{"on a live channel", "buildrelay:1:live", published("e", "plain"), []string{"event 1 live e plain"}, []string{"event 1 live e plain"}, ""},
		{"on a live channel what looks sealed", "buildrelay:1:live", published("e", "relay-sealed:1:x"), []string{"event 1 live e relay-sealed:1:x"}, []string{"event 1 live e relay-sealed:1:x"}, ""},
	}
	for _, test := range tests {
		for mode, want := range map[auth.Seal][]string{auth.SealRequired: test.required, auth.SealAcceptPlain: test.acceptPlain} {
			t.Run(test.name+", "+string(mode), func(t *testing.T) {
				v.mode.Store(mode)
				r.metrics.SealRefused.Reset()
				send(t, server, test.channel, test.payload)
				send(t, server, "buildrelay:1:live", `{"event":"end","data":""}`)
				r.expect(append(want, "event 1 live end ")...)
				if test.why != "" && mode == auth.SealRequired && r.refused(test.why) != 1 {
					t.Errorf("%s is counted %v times", test.why, r.refused(test.why))
				}
			})
		}
	}
}
