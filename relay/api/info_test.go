package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"buildrelay/protocol"
)

func TestPublishersAreToldWhatTheyAskOfTheirChannels(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ info, channels, want string }{
		"both of many":                {"user_count,subscription_count", `["a","presence-b","none"]`, `{"channels":{"a":{"subscription_count":2},"none":{"subscription_count":0},"presence-b":{"user_count":2}}}`},
		"users":                       {"user_count", `["a","presence-b","presence-none"]`, `{"channels":{"presence-b":{"user_count":2},"presence-none":{"user_count":0}}}`},
		"subscriptions":               {"subscription_count", `["a","presence-b","a"]`, `{"channels":{"a":{"subscription_count":2}}}`},
		"of an encrypted one":         {"subscription_count", `["private-encrypted-d"]`, `{"channels":{"private-encrypted-d":{"subscription_count":3}}}`},
		"of a user's channel":         {"subscription_count,user_count", `["#server-to-user-u1"]`, `{"channels":{}}`},
		"what the channel has not":    {"user_count", `["a"]`, `{"channels":{}}`},
		"what nobody has":             {"cache,members", `["cache-e"]`, `{"channels":{}}`},
		"nothing":                     {"", `["a"]`, `{}`},
		"nothing, with commas":        {", ,", `["a"]`, `{}`},
		"with spaces and twice":       {" user_count , user_count", `["presence-b"]`, `{"channels":{"presence-b":{"user_count":2}}}`},
		"a name that is none and one": {"x,subscription_count", `["a"]`, `{"channels":{"a":{"subscription_count":2}}}`},
	} {
		b := withAudience(t)
		request := fmt.Sprintf(`{"name":"e","channels":%s,"data":"d","info":%q}`, tt.channels, tt.info)
		if status, text := b.post(t, "events", request); status != http.StatusOK || text != tt.want+"\n" {
			t.Errorf("%s: %d %s, want %s", name, status, text, tt.want)
		}
		if len(b.published) == 0 {
			t.Errorf("%s: nothing was published", name)
		}
	}
}

func TestEachEventOfABatchIsToldWhatItAsks(t *testing.T) {
	t.Parallel()
	event := func(channel, info string) string {
		return fmt.Sprintf(`{"name":"e","channel":%q,"data":"d"%s}`, channel, info)
	}
	const both = `,"info":"user_count,subscription_count"`
	for name, tt := range map[string]struct {
		events []string
		want   string
	}{
		"one of two":          {[]string{event("a", `,"info":"subscription_count"`), event("a", "")}, `{"batch":[{"subscription_count":2},{}]}`},
		"each":                {[]string{event("presence-b", both), event("a", both), event("none", both)}, `{"batch":[{"user_count":2},{"subscription_count":2},{"subscription_count":0}]}`},
		"what a user has not": {[]string{event("#server-to-user-u1", both), event("a", `,"info":null`)}, `{"batch":[{},{}]}`},
		"none":                {[]string{event("a", ""), event("a", `,"info":""`)}, `{}`},
	} {
		b := withAudience(t)
		request := `{"batch":[` + strings.Join(tt.events, ",") + `]}`
		if status, text := b.post(t, "batch_events", request); status != http.StatusOK || text != tt.want+"\n" {
			t.Errorf("%s: %d %s, want %s", name, status, text, tt.want)
		}
		if len(b.published) != len(tt.events) {
			t.Errorf("%s: %d events were published", name, len(b.published))
		}
	}
}

func TestTheOldWayToPublishTellsWhatIsAsked(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	target := signed(http.MethodPost, "/apps/3/channels/presence-b/events", "d", "info=user_count&name=e")
	got := b.do(t, http.MethodPost, target, "d")
	if want := `{"channels":{"presence-b":{"user_count":2}}}` + "\n"; got.Code != http.StatusAccepted || got.Body.String() != want {
		t.Errorf("%d %s, want %s", got.Code, got.Body, want)
	}
}

func TestInfoStandsBesideThePlaceInALog(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	b.receipt.Positions = []protocol.Position{{Epoch: "0123456789abcdef", ID: protocol.ID{Offset: 7, Nonce: 9}}}
	const relay = `"relay":{"positions":["0123456789abcdef:7-9"],"watched":false}}` + "\n"
	asking := `{"name":"e","channel":"a","data":"d","info":"subscription_count"}`
	if _, text := b.post(t, "events", asking); text != `{"channels":{"a":{"subscription_count":2}},`+relay {
		t.Error(text)
	}
	if _, text := b.post(t, "batch_events", `{"batch":[`+asking+`]}`); text != `{"batch":[{"subscription_count":2}],`+relay {
		t.Error(text)
	}
}

// A sender who is told of a failure publishes again: it must not have happened.
func TestNothingIsPublishedWhereInfoCannotBeHad(t *testing.T) {
	t.Parallel()
	const asking = `{"name":"e","channel":"a","data":"d","info":"subscription_count"}`
	b := withAudience(t)
	b.away = errAway
	for path, request := range map[string]string{"events": asking, "batch_events": `{"batch":[` + event + `,` + asking + `]}`} {
		if status, text := b.post(t, path, request); status != http.StatusServiceUnavailable || text != "the channel could not be counted, try again\n" {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if len(b.published) != 0 {
		t.Errorf("published %v", b.published)
	}
	if status, text := b.post(t, "events", event); status != http.StatusOK {
		t.Errorf("without info: %d %s", status, text)
	}
}
