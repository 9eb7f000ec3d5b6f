package api

import "context"

// Occupancy knows what all nodes together know of an app's channels. Its methods wait
// for Redis.
type Occupancy interface {
	// Channels returns the counts of the occupied channels whose name begins with prefix,
	// those of users never.
	Channels(ctx context.Context, appID, prefix string) (map[string]int, error)
	// Counts returns for each of the channels how many members a presence channel has, or
	// how many subscriptions any other; of a user's channel more than 0 while the user is
	// signed in.
	Counts(ctx context.Context, appID string, channels []string) (map[string]int, error)
	// Users returns the ids of a presence channel's members.
	Users(ctx context.Context, appID, channel string) ([]string, error)
	// Terminate has all connections ended that are signed in as the user.
	Terminate(ctx context.Context, appID, userID string) error
}

func (a *API) count(ctx context.Context, appID, channel string) (int, error) {
	counts, err := a.counts(ctx, appID, []string{channel})
	return counts[channel], err
}

func (a *API) counts(ctx context.Context, appID string, channels []string) (map[string]int, error) {
	counts, err := a.Occupancy.Counts(ctx, appID, channels)
	if err != nil {
		return nil, unavailable("the channel could not be counted", err)
	}
	return counts, nil
}
