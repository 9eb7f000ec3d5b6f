package protocol_test

import (
	"strings"
	"testing"

	"buildrelay/protocol"
)

func TestEventsThatMayBePublished(t *testing.T) {
	for _, e := range []protocol.Event{
		{Name: "e"},
		{Name: `App\Events\X`, Data: "plain", Exclude: "1.2"},
		{Name: strings.Repeat("ü", protocol.MaxEventName)},
		{Name: "e", Data: strings.Repeat("x", protocol.MaxData)},
		{Name: "client-x"},
		{Name: "Pusher:x"},
		{Name: "pusher"},
		{Name: "__proto__", UserID: strings.Repeat("ü", protocol.MaxUserID)},
	} {
		if err := e.Check(protocol.DefaultLimits()); err != nil {
			t.Errorf("Check of %.40q with %d bytes: %v", e.Name, len(e.Data), err)
		}
	}
}

func TestEventsThatMayNotBePublished(t *testing.T) {
	tests := []struct {
		event    protocol.Event
		want     string
		tooLarge bool
	}{
		{protocol.Event{}, "Invalid event name '': it is empty", false},
		{protocol.Event{Name: "pusher:x"}, "Invalid event name 'pusher:x': its prefix is reserved", false},
		{protocol.Event{Name: "pusher_internal:x"}, "Invalid event name 'pusher_internal:x': its prefix is reserved", false},
		{protocol.Event{Name: "relay:gap"}, "Invalid event name 'relay:gap': its prefix is reserved", false},
		{
			protocol.Event{Name: strings.Repeat("x", protocol.MaxEventName+1)},
			"Invalid event name '" + strings.Repeat("x", 200) + "…': it is too long", false,
		},
		{
			protocol.Event{Name: "e", Data: strings.Repeat("x", protocol.MaxData+1)},
			"The data content of this event exceeds the allowed maximum (10240 bytes).", true,
		},
		{protocol.Event{Name: "e", Exclude: "abc"}, "invalid socket_id 'abc'", false},
		{
			protocol.Event{Name: "e", UserID: strings.Repeat("x", protocol.MaxUserID+1)},
			"Invalid user_id '" + strings.Repeat("x", protocol.MaxUserID+1) + "'", false,
		},
	}
	for _, test := range tests {
		err := test.event.Check(protocol.DefaultLimits())
		if err == nil || err.Message != test.want || err.TooLarge != test.tooLarge {
			t.Errorf("Check of %.40q: got %+v, want %q, too large %v", test.event.Name, err, test.want, test.tooLarge)
		}
	}
}
