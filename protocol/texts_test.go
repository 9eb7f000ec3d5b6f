package protocol_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// checkText fails unless text may go to a client: valid UTF-8 and of a bounded
// length.
func checkText(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("error text is not UTF-8: %q", text)
	}
	if len(text) > 1000 {
		t.Errorf("error text has %d bytes", len(text))
	}
}

func TestErrorTextsAreThoseClientsKnow(t *testing.T) {
	tests := []struct {
		err  *protocol.Error
		want string
	}{
		{protocol.ErrExistingSubscription("X"), "Existing subscription to channel X"},
		{protocol.ErrNoSubscription("X"), "No current subscription to channel X, or subscription in progress"},
		{protocol.ErrSignature("1.2:X:{}", "SIG"), "Invalid signature: Expected HMAC SHA256 hex digest of 1.2:X:{}, but got SIG"},
		{protocol.ErrAuthKey("KEY"), "Invalid key in subscription auth data: 'KEY'"},
		{protocol.ErrAuthFormat("X"), "Auth value for subscription to X is invalid: should be of format 'key:signature'"},
		{protocol.ErrClientEventsOff(), "To send client events, you must enable this feature in the Settings page of your dashboard."},
		{protocol.ErrClientEventKind(), "Client event rejected - only supported on private and presence channels"},
		{protocol.ErrClientEventNotSubscribed("X"), "Cannot broadcast client event (connection not subscribed to channel X)"},
		{protocol.ErrInvalidClientEvent(), "Invalid client event (must contain channel and data)"},
		{protocol.ErrDataTooLarge(10240), "The data content of this event exceeds the allowed maximum (10240 bytes)."},
		{protocol.ErrUnsupportedEvent("X"), "Unsupported event received on socket: X"},
		{protocol.ErrInvalidJSON(""), "Received invalid JSON"},
		{protocol.ErrInvalidJSON(`"event" is missing`), `Received invalid JSON: "event" is missing`},
		{protocol.ErrChannelName("X"), "Invalid channel name 'X'"},
		{protocol.ErrUserInfo(), "user_info supplied to presence subscription is invalid - if supplied it must be a type of hash"},
		{protocol.ErrSigninFormat(), "Invalid format: auth must have the format key:signature"},
		{protocol.ErrMemberData("X"), "Invalid channel_data: X"},
		{protocol.ErrUserData("X"), "Invalid user_data: X"},
		{protocol.ErrMembersFull("X", 100), "Subscription to X refused: the channel has its maximum of 100 members"},
		{protocol.ErrNoMember("X"), "Subscription to X needs channel_data with a user_id, or a user who has signed in"},
		{protocol.ErrOtherUser("X"), "Cannot sign in as 'X': the connection is signed in as another user"},
		{protocol.ErrClientEventLost(), "Client event rejected - it could not be published"},
	}
	for _, test := range tests {
		if test.err.Message != test.want || test.err.Code != 0 {
			t.Errorf("got %d %q, want code 0, %q", test.err.Code, test.err.Message, test.want)
		}
	}
	if code := protocol.ErrClientEventRate().Code; code != 4301 {
		t.Errorf("ErrClientEventRate has code %d, want 4301", code)
	}
	if code := protocol.ErrWatchlist(100).Code; code != 4302 {
		t.Errorf("ErrWatchlist has code %d, want 4302", code)
	}
}

func TestCloseCodesAreTheDocumentedOnes(t *testing.T) {
	got := map[int]string{}
	for _, c := range []*protocol.Close{
		protocol.ErrTLSOnly(), protocol.ErrUnknownKey("nokey"), protocol.ErrAppDisabled(), protocol.ErrOverQuota(),
		protocol.ErrPathNotFound(), protocol.ErrInvalidVersion(), protocol.ErrUnsupportedProtocol(),
		protocol.ErrNoProtocol(), protocol.ErrUnauthorized(), protocol.ErrOverCapacity("no room"),
		protocol.ErrRestarting(), protocol.ErrPongTimeout(), protocol.ErrInactive(),
		protocol.ErrMessageTooBig(), protocol.ErrInvalidUTF8(),
	} {
		got[c.Code] = c.Reason
	}
	want := map[int]string{
		1007: "Invalid UTF-8",
		1009: "Message too big",
		4000: "Application only accepts SSL connections, reconnect using wss://",
		4001: "App key nokey not in this cluster. Did you forget to specify the cluster?",
		4003: "Application disabled",
		4004: "Account over quota",
		4005: "Path not found",
		4006: "Invalid version string format",
		4007: "Unsupported protocol version",
		4008: "No protocol version supplied",
		4009: "Connection not authorized within timeout",
		4100: "Over capacity: no room",
		4200: "Server is restarting, reconnect immediately",
		4201: "Pong reply not received in time",
		4202: "Closed after inactivity",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes and reasons (-want +got):\n%s", diff)
	}
	if code := protocol.ErrTerminated().Code; code != 4009 {
		t.Errorf("ErrTerminated has code %d, want 4009", code)
	}
}

func TestErrorTextsClipWhatComesFromOutside(t *testing.T) {
	tests := []struct{ name, want string }{
		{strings.Repeat("x", 200), strings.Repeat("x", 200)},
		{strings.Repeat("x", 201), strings.Repeat("x", 200) + "…"},
		{strings.Repeat("x", 199) + "ü", strings.Repeat("x", 199) + "…"},
		{strings.Repeat("x", 198) + "ü1", strings.Repeat("x", 198) + "ü…"},
		{"a\xffb", "a\uFFFDb"},
		{strings.Repeat("\x80", 1000), "\uFFFD…"},
	}
	for _, test := range tests {
		if got, want := protocol.ErrAuthKey(test.name).Message, protocol.ErrAuthKey("").Message; got != strings.Replace(want, "''", "'"+test.want+"'", 1) {
			t.Errorf("%q is quoted as %q", test.name, got)
		}
	}
	checkText(t, protocol.ErrUnknownKey(strings.Repeat("k", 10_000)).Reason)
}

// A message repeats what came, a signature even; the cause, which goes into records, does not.
func TestTheCauseOfARefusalHoldsNothingThatCameFromOutside(t *testing.T) {
	t.Parallel()
	for _, err := range []*protocol.Error{
		protocol.ErrChannelName("s3cret"), protocol.ErrExistingSubscription("s3cret"), protocol.ErrAuthFormat("s3cret"),
		protocol.ErrAuthKey("s3cret"), protocol.ErrSignature("s3cret", "s3cret"), protocol.ErrChannelRefused("s3cret"),
		protocol.ErrNotSignedIn("s3cret"), protocol.ErrTooManyChannels("s3cret", 1), protocol.ErrMemberData("s3cret"),
		protocol.ErrUserInfo(), protocol.ErrNoMember("s3cret"), protocol.ErrMembersFull("s3cret", 1), protocol.ErrSigninFormat(),
		protocol.ErrUserData("s3cret"), protocol.ErrOtherUser("s3cret"), protocol.ErrUnrecorded("s3cret"),
	} {
		if err.Cause == "" || strings.Contains(err.Cause, "s3cret") {
			t.Errorf("%q has the cause %q", err.Message, err.Cause)
		}
	}
	if code := protocol.ErrUnrecorded("x").Code; code != 4303 {
		t.Errorf("ErrUnrecorded has code %d, want 4303", code)
	}
}
