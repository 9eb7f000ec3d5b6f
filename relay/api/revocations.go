package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
)

// Revocations tells all nodes what is revoked.
type Revocations interface {
	// Revoke tells them; a number of its own it gets on the way. A nil error says that all who
	// hear Redis are told, and the others once they do. It waits for Redis. The error is
	// [relay.ErrRevocationsFull] where there are too many.
	Revoke(ctx context.Context, r relay.Revocation) error
}

const revocations = "revocations"

// postRevocations takes back what was decided of a user, of channels, or of a user on channels:
// {"user_id":"…","channel":"NAME or PATTERN"}. There may be nothing of the kind.
func (a *API) postRevocations(ctx context.Context, c *call) (reply, error) {
	if a.Revocations == nil {
		return nil, &failure{status: http.StatusNotFound, message: "nothing is revoked here"}
	}
	r, err := c.readRevocation()
	if err != nil {
		return nil, err
	}
	if err := a.confirmRevocation(ctx, c, r); err != nil {
		return nil, err
	}
	if err := a.Revocations.Revoke(ctx, r); err != nil {
		a.noteNotRevoked(c, r)
		if errors.Is(err, relay.ErrRevocationsFull) {
			return nil, &failure{status: http.StatusTooManyRequests, message: err.Error()}
		}
		return nil, unavailable("the revocation could not be told", err)
	}
	return nil, nil
}

// readRevocation reads the body, if the key may revoke. One that is limited to channels may not, not
// even on those: it is what a build has that is not trusted, and nobody's connection is to end by it.
func (c *call) readRevocation() (relay.Revocation, error) {
	r := relay.Revocation{App: c.app.ID}
	if err := c.signer.CheckUnlimited(auth.RightPublish, "revoke"); err != nil {
		return r, err
	}
	v, extra, err := protocol.ReadObject(c.body, "user_id", "channel")
	if err != nil {
		return r, badRequest("the body is not the JSON that is expected: %s", err)
	}
	if len(extra) > 0 {
		return r, badRequest("the body may have user_id and channel, and nothing else")
	}
	user, err := optionalText("user_id", v[0])
	if err != nil {
		return r, err
	}
	channel, err := optionalText("channel", v[1])
	if err != nil {
		return r, err
	}
	switch {
	case user == nil && channel == nil:
		return r, badRequest("the body must have user_id, channel or both")
	case user != nil && !protocol.IsUserID(*user):
		return r, badRequest("user_id has 1 to %d characters, in UTF-8", protocol.MaxUserID)
	case user != nil:
		r.User = *user
	}
	if channel == nil {
		return r, nil
	}
	r.Channel = *channel
	return r, checkRevoked(r.Channel, c.app.Limits.ChannelName)
}

// checkRevoked refuses what is neither the name of a channel for which somebody has to be let in, nor
// a pattern of such.
func checkRevoked(pattern string, maxLen int) error {
	if err := protocol.CheckChannel(strings.ReplaceAll(pattern, "*", "-"), maxLen); err != nil {
		return badRequest("channel must be the name of a channel, or a pattern in which each * stands for any characters")
	}
	begins, _, open := strings.Cut(pattern, "*")
	if protocol.KindOf(begins).NeedsAuth() {
		return nil
	}
	for _, prefix := range []string{"private-", "presence-", protocol.UserPrefix} {
		if open && strings.HasPrefix(prefix, begins) {
			return nil
		}
	}
	return badRequest("channel must be one that is private or has members, or a pattern of such: others anybody may watch")
}

// confirmRevocation keeps the record before anything is revoked.
func (a *API) confirmRevocation(ctx context.Context, c *call, r relay.Revocation) error {
	if a.Auditor == nil {
		return nil
	}
	return a.confirm(ctx, a.revocation(c.who, r))
}

// noteNotRevoked notes that what was recorded did not happen.
func (a *API) noteNotRevoked(c *call, r relay.Revocation) {
	if a.Auditor == nil {
		return
	}
	record := a.revocation(c.who, r)
	record.Success = false
	a.Auditor.Note(record)
}

// revocation is the record of what is revoked: of the user, else of the channel; of the app where
// that is not known.
func (a *API) revocation(who *caller, r relay.Revocation) audit.Record {
	user, channel := audit.Clean(r.User), audit.Clean(r.Channel)
	target := relay.ScopeOf(r.App)
	switch {
	case user != "":
		target = audit.Entity{ID: user, Type: "user"}
	case channel != "":
		target = audit.Entity{ID: channel, Type: "channel", Name: channel}
	}
	return a.record(who, r.App, audit.ActionAuthorizationRevoke, target, audit.AuthorizationRevoke{User: user, Channel: channel})
}
