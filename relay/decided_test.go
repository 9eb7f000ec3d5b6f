package relay_test

import (
	"fmt"
	"strconv"
	"strings"

	"buildrelay/auth"
	"buildrelay/relay"
)

func (c *client) signChannel(channel string, data *string) string {
	if c.decision != nil {
		return c.decision.SignChannel(c.key, c.conn.ID(), channel, data)
	}
	return auth.SignChannel(c.key, c.conn.ID(), channel, data)
}

func (c *client) signUser(data string) string {
	if c.decision != nil {
		return c.decision.SignUser(c.key, c.conn.ID(), data)
	}
	return auth.SignUser(c.key, c.conn.ID(), data)
}

// doDecided: decided CLIENT AFTER [USER], by which the auth endpoint signs what the client shows from
// now on; decided CLIENT: the backend does again.
func (w *world) doDecided(args []string) error {
	c, err := w.client(args[0])
	if err != nil || len(args) == 1 {
		c.decision = nil
		return err
	}
	after, err := strconv.ParseInt(args[1], 10, 64)
	c.decision = &auth.Decision{User: strings.Join(args[2:], " "), After: after}
	return err
}

// doRevoke: revoke NUMBER [user=ID] [channel=PATTERN] [app=ID].
func (w *world) doRevoke(args []string) error {
	number, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	r := relay.Revocation{Number: number, App: appID}
	for _, option := range args[1:] {
		switch name, value, _ := strings.Cut(option, "="); name {
		case "user":
			r.User = value
		case "channel":
			r.Channel = value
		case "app":
			r.App = value
		default:
			return fmt.Errorf("there is no option %q", option)
		}
	}
	w.hub.Revoke(r)
	return nil
}
