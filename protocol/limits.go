package protocol

import "time"

// Pusher's documented limits, the defaults of every app.
const (
	MaxChannelName        = 164   // bytes; names are ASCII
	MaxEventName          = 200   // characters
	MaxData               = 10240 // bytes of an event's data string
	MaxChannelsPerPublish = 100
	MaxBatch              = 10  // events in one batch of the HTTP API
	MaxUserID             = 128 // characters
	MaxMembers            = 100 // distinct users of a presence channel
	MaxMemberSize         = 1024
	MaxWatchlist          = 100
	MaxClientEvents       = 10      // a second and connection
	MaxBody               = 1 << 20 // bytes of a request to the HTTP API
	MaxClockSkew          = 600 * time.Second
)

// MaxRedisData is the limit, in bytes, on the data of an event that a backend
// publishes through Redis. [MaxData] guards an API that is open to the network;
// whoever may publish in Redis is trusted with more, so that a backend whose
// events were never measured (Slanger has no limit) is not cut off.
const MaxRedisData = 128 << 10

// DefaultCacheTTL is how long a cache channel's last event is kept, unless the app says
// otherwise: as Pusher documents.
const DefaultCacheTTL = 30 * time.Minute

// Limits are the limits of one app. [DefaultLimits] gives Pusher's. Rates are those of
// one node; 0 means that there is no limit where it says so, and nowhere else.
type Limits struct {
	ChannelName int // bytes
	EventName   int // characters
	Data        int // bytes of an event's data string
	Channels    int // channels of one publish request
	Batch       int // events of one batch request
	// Members is how many users a presence channel may have, 0 is no limit. MemberSize is
	// for what describes one of them, in bytes.
	Members, MemberSize int
	Watchlist           int // users whom one user watches
	// ChannelsPerConnection is how many one connection may subscribe to; 0 is no limit.
	ChannelsPerConnection int

	// What one connection may send in a second; 0 is no limit.
	ClientEvents, Subscribes, Messages int
	// What the backends may ask in a second: events to publish, and calls that read; 0 is
	// no limit.
	Publishes, Reads int

	Body      int           // bytes of a request to the HTTP API
	ClockSkew time.Duration // between the clocks of a sender and of the node; a request that is off by so much is refused
}

// DefaultLimits returns the limits that Pusher documents.
func DefaultLimits() Limits {
	return Limits{
		ChannelName:  MaxChannelName,
		EventName:    MaxEventName,
		Data:         MaxData,
		Channels:     MaxChannelsPerPublish,
		Batch:        MaxBatch,
		Members:      MaxMembers,
		MemberSize:   MaxMemberSize,
		Watchlist:    MaxWatchlist,
		ClientEvents: MaxClientEvents,
		Body:         MaxBody,
		ClockSkew:    MaxClockSkew,
	}
}

// redis returns the limits for an event that came through Redis.
func (l Limits) redis() Limits {
	l.Data = max(l.Data, MaxRedisData)
	return l
}
