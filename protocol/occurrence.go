package protocol

import "time"

// The names of webhooks' events (protocol.md 5).
const (
	HookOccupied      = "channel_occupied"
	HookVacated       = "channel_vacated"
	HookMemberAdded   = "member_added"
	HookMemberRemoved = "member_removed"
	HookClientEvent   = "client_event"
	HookCacheMiss     = "cache_miss"
	HookCount         = "subscription_count"
)

// Hooks returns the names of all events that webhooks can have.
func Hooks() []string {
	return []string{
		HookOccupied, HookVacated, HookMemberAdded, HookMemberRemoved, HookClientEvent, HookCacheMiss, HookCount,
	}
}

// Occurrence is something that became of a channel, over all nodes, and that webhooks
// tell. What does not belong to its kind is zero.
type Occurrence struct {
	// Partition and ID name it for ever, on every node; "" before it is kept.
	Partition int
	ID        string

	App     string // its id
	Kind    string // one of [Hooks]
	Channel string
	// UserID is the member of member_added and member_removed, and who sent a client event
	// on a presence channel.
	UserID string
	// Event, Data and SocketID are those of a client event.
	Event, Data, SocketID string
	// Count is how many subscriptions a channel has, for subscription_count.
	Count int
	// Time is when it may be told, by Redis' clock: the same on every node and every time
	// it is read. What is told of somebody who left can be taken back until then.
	Time time.Time
	// Due is Time by the clock of the node that reads it, as well as it knows Redis'.
	Due time.Time
}
