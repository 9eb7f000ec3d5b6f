package appsfile_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
)

func TestLimitsAreSetByName(t *testing.T) {
	app := auth.App{MaxConnections: 3, Limits: protocol.DefaultLimits()}
	if err := appsfile.ParseLimits(" data=100KiB  batch=20 reads=7 ", &app); err != nil {
		t.Fatal(err)
	}
	want := protocol.DefaultLimits()
	want.Data, want.Batch, want.Reads, want.Body = 100<<10, 20, 7, 7*20*100<<10
	if diff := cmp.Diff(want, app.Limits); diff != "" || app.MaxConnections != 3 {
		t.Errorf("%d connections, limits (- want, + got):\n%s", app.MaxConnections, diff)
	}
	if err := appsfile.ParseLimits("body=1KiB connections=9", &app); err != nil || app.Limits.Body != 1<<10 || app.MaxConnections != 9 {
		t.Errorf("%v, %+v", err, app)
	}
}

func TestAllWrongLimitsAreTold(t *testing.T) {
	err := appsfile.ParseLimits("data reads=x reads=1 =5", new(auth.App))
	want := "data=: it must be an amount such as 4096 or 10KiB, from 1 to 128KiB\n" +
		"reads=x: it must be a whole number from 0 to 10000000\n" +
		`"reads" is there twice` + "\n" +
		`there is no limit ""; there are connections, channel_name, event_name, data, channels, batch, members, member_size, watchlist, ` +
		"channels_per_connection, client_events, subscribes, messages, publishes, reads, body, clock_skew"
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

func TestWebhooksCanBeASetting(t *testing.T) {
	want := []auth.Webhook{{URL: "https://a.example.com/x", Events: []string{"cache_miss"}, Headers: map[string]auth.Secret{"X-Y": "z"}}}
	for _, text := range []string{
		`[{"url":"https://a.example.com/x","events":["cache_miss"],"headers":{"x-y":"z"}}]`,
		`[{url: "https://a.example.com/x", events: [cache_miss], headers: {X-Y: z}}]`,
		`[{"url":"https:\/\/a.example.com\/x","events":["cache_miss"],"headers":{"x-y":"\u007a"}}]`,
	} {
		got, err := appsfile.ParseWebhooks(text, nil)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (- want, + got):\n%s", text, err, diff)
		}
	}
	if got, err := appsfile.ParseWebhooks(" ", nil); got != nil || err != nil {
		t.Errorf("none: %v, %v", got, err)
	}
	if _, err := appsfile.ParseWebhooks(`{"url": "https://a"}`, nil); fmt.Sprint(err) != "line 1: webhooks: it must be a list of at least one" {
		t.Error(err)
	}
}

func TestOriginsCanBeASetting(t *testing.T) {
	got, err := appsfile.ParseOrigins("https://a.example.com, http://*.b.example:8080,https://[2001:db8::1],capacitor://localhost,*")
	want := auth.Origins{"https://a.example.com", "http://*.b.example:8080", "https://[2001:db8::1]", "capacitor://localhost", "*"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (- want, + got):\n%s", err, diff)
	}
	if got, err := appsfile.ParseOrigins(""); got != nil || err != nil {
		t.Errorf("none: %v, %v", got, err)
	}
	for _, nothing := range []string{" ", ",", " , "} { // is not any
		if _, err := appsfile.ParseOrigins(nothing); err == nil {
			t.Errorf("%q is taken", nothing)
		}
	}
	if _, err := appsfile.ParseOrigins("a, https://b/"); fmt.Sprint(err) != `"a" `+wrongOrigin+"\n"+`"https://b/" `+wrongHost {
		t.Error(err)
	}
}
