package api

import (
	"context"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// member is one of the users of a presence channel.
type member struct {
	ID string `json:"id"`
}

// getUsers lists the members of a presence channel.
func (a *API) getUsers(ctx context.Context, c *call) (reply, error) {
	if err := c.checkChannel(); err != nil {
		return nil, err
	}
	if !protocol.KindOf(c.name).Presence() {
		return nil, badRequest("%s is no presence channel: it has no users", c.name)
	}
	ids, err := a.Occupancy.Users(ctx, c.app.ID, c.name)
	if err != nil {
		return nil, unavailable("the users could not be listed", err)
	}
	users := make([]member, 0, len(ids)) // not nil: an empty list is told as a list
	for _, id := range ids {
		users = append(users, member{id})
	}
	return map[string]any{"users": users}, nil
}

// postTerminate ends all connections that are signed in as a user. There may be none.
// The body says nothing.
func (a *API) postTerminate(ctx context.Context, c *call) (reply, error) {
	if !protocol.IsUserID(c.name) {
		return nil, badRequest("the id of a user has 1 to %d characters, in UTF-8", protocol.MaxUserID)
	}
	if err := c.signer.CheckRight(auth.RightPublish, protocol.UserPrefix+c.name); err != nil {
		return nil, err
	}
	if err := a.confirmTermination(ctx, c); err != nil {
		return nil, err
	}
	if err := a.Occupancy.Terminate(ctx, c.app.ID, c.name); err != nil {
		a.noteNotTerminated(c)
		return nil, unavailable("the connections could not be ended", err)
	}
	return nil, nil
}

// confirmTermination keeps the record before anybody is ended.
func (a *API) confirmTermination(ctx context.Context, c *call) error {
	if a.Auditor == nil {
		return nil
	}
	return a.confirm(ctx, a.termination(c.who, c.app.ID, c.name))
}

// noteNotTerminated notes that what was recorded did not happen.
func (a *API) noteNotTerminated(c *call) {
	if a.Auditor == nil {
		return
	}
	r := a.termination(c.who, c.app.ID, c.name)
	r.Success = false
	a.Auditor.Note(r)
}
