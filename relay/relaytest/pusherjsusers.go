package relaytest

import "encoding/json"

// Members is who is on a presence channel, as pusher-js has them.
type Members struct {
	Members map[string]json.RawMessage `json:"members"` // id → info
	Count   int                        `json:"count"`
	MyID    any                        `json:"myID"` // as the auth endpoint has it: a string or number
}

// Signin calls signin(), which pusher-js has since 7.1.
func (p *PusherJS) Signin() {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "signin"})
}

// ExpectSignedIn waits until the sign-in succeeded, and pusher-js has subscribed to
// the user's channel.
func (p *PusherJS) ExpectSignedIn(userID string) {
	p.t.Helper()
	p.Expect("the channel of user "+userID, func(s Said) bool {
		return s.Type == "message" && s.Event == "pusher_internal:subscription_succeeded" && s.Channel == "#server-to-user-"+userID
	})
}

// Members asks who is on a presence channel.
func (p *PusherJS) Members(channel string) Members {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "members", "channel": channel})
	said := p.Expect("the members of "+channel, func(s Said) bool { return s.Type == "members" && s.Channel == channel })
	var m Members
	if err := json.Unmarshal(said.Data, &m); err != nil {
		p.t.Fatalf("%s: reading the members %s: %v", p.process.name, said.Data, err)
	}
	return m
}

// ExpectUserEvent waits until bind_global of the user who signed in gets the event.
func (p *PusherJS) ExpectUserEvent(event string) Said {
	p.t.Helper()
	return p.expectOf("user", event)
}

// ExpectWatched waits until bind_global of the watchlist gets "online" or "offline",
// and returns the ids.
func (p *PusherJS) ExpectWatched(event string) []string {
	p.t.Helper()
	said := p.expectOf("watchlist", event)
	var data struct {
		UserIDs []string `json:"user_ids"`
	}
	if err := json.Unmarshal(said.Data, &data); err != nil {
		p.t.Fatalf("%s: reading the watchlist's %s: %v", p.process.name, said.Data, err)
	}
	return data.UserIDs
}

// ExpectEcho waits until laravel-echo's here, joining or leaving is called, and returns
// what with.
func (p *PusherJS) ExpectEcho(channel, event string) string {
	p.t.Helper()
	said := p.Expect("laravel-echo's "+event+" on "+channel, func(s Said) bool {
		return s.Type == "echo" && s.Event == event && s.Channel == channel
	})
	return string(said.Data)
}

// ExpectBound waits until a callback of Bind gets the event.
func (p *PusherJS) ExpectBound(channel, event string) Said {
	p.t.Helper()
	return p.Expect("the bound event "+event+" on "+channel, func(s Said) bool {
		return s.Type == "bound" && s.Event == event && s.Channel == channel
	})
}

func (p *PusherJS) expectOf(kind, event string) Said {
	p.t.Helper()
	return p.Expect("the "+kind+"'s event "+event, func(s Said) bool { return s.Type == kind && s.Event == event })
}
