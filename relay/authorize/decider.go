package authorize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// Decider knows who may watch what.
type Decider interface {
	// Decide returns an answer if the client may, an error that is [ErrDenied] if it may not,
	// and any other where that could not be found out. It may wait until ctx ends.
	Decide(ctx context.Context, q Question) (Answer, error)
}

// Question is whether a client may subscribe to a channel, or who it is where it wants to sign
// in.
type Question struct {
	App      string // the id
	SocketID string
	Channel  string // "" for who wants to sign in
	// Pattern is the one that the channel's name is of, and Fields what it carves out of it.
	Pattern string
	Fields  map[string]string
	// Cookie and Authorization are the headers by which the client's request shows who sent it;
	// "" where there was none.
	Cookie, Authorization auth.Secret
	// After says which revocations are known, as [relay.Revocations.Last] has it.
	After int64
	// Address is whom the question is from; the answer is not to depend on it.
	Address netip.Addr
}

// Answer is what is known of a client who may. The zero value is that it may, and no more.
type Answer struct {
	// Member is who it is; nil where that was not said.
	Member *protocol.Member
	// Until is when the answer ends to be one; the zero time is that nothing is known of that.
	Until time.Time
	// After is that of the question that it was given to, where it may have been given to an
	// earlier one; 0 is that of the question at hand.
	After int64
}

// decision is the answer as what is signed for it has it.
func (a Answer) decision() auth.Decision {
	d := auth.Decision{After: a.After}
	if a.Member != nil {
		d.User = a.Member.ID
	}
	return d
}

// ErrDenied is the error of a [Decider] for who may not.
var ErrDenied = errors.New("the client may not")

// channelData is the member as pusher-js sends it on to the relay.
func (a Answer) channelData(l protocol.Limits) (*string, error) {
	if a.Member == nil {
		return nil, nil // who has signed in is known to the relay
	}
	text, err := marshal(struct {
		ID   string          `json:"user_id"`
		Info json.RawMessage `json:"user_info,omitempty"`
	}{a.Member.ID, json.RawMessage(a.Member.Info)})
	if err != nil {
		return nil, err
	}
	if _, err := protocol.ParseMember(text, l); err != nil {
		return nil, fmt.Errorf("the member is of no use: %s", err.Message)
	}
	return &text, nil
}

// userData is the user as pusher-js sends it on to the relay.
func (a Answer) userData(l protocol.Limits) (string, error) {
	if a.Member == nil {
		return "", &refusal{http.StatusForbidden, outcomeDenied, "nobody knows who you are"}
	}
	text, err := marshal(struct {
		ID   string          `json:"id"`
		Info json.RawMessage `json:"user_info,omitempty"`
	}{a.Member.ID, json.RawMessage(a.Member.Info)})
	if err != nil {
		return "", err
	}
	if _, err := protocol.ParseUser(text, l); err != nil {
		return "", fmt.Errorf("the user is of no use: %s", err.Message)
	}
	return text, nil
}

func marshal(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
