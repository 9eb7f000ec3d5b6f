package api

import "context"

// Occupancy knows what all nodes together know of an app's channels. Its methods wait
// for Redis.
type Occupancy interface {
	// Channels returns the counts of the occupied channels whose name begins with prefix,
	// those of users never.
	Channels(ctx context.Context, appID, prefix string) (map[string]int, error)
	// Channel returns how many members a presence channel has, or how many subscriptions
	// any other; of a user's channel more than 0 while the user is signed in.
	Channel(ctx context.Context, appID, channel string) (int, error)
	// Users returns the ids of a presence channel's members.
	Users(ctx context.Context, appID, channel string) ([]string, error)
	// Terminate has all connections ended that are signed in as the user.
	Terminate(ctx context.Context, appID, userID string) error
}

func (a *API) count(ctx context.Context, appID, channel string) (int, error) {
	n, err := a.Occupancy.Channel(ctx, appID, channel)
	if err != nil {
		return 0, unavailable("the channel could not be counted", err)
	}
	return n, nil
}
