package protocol

// Pusher's documented limits, the defaults of every app.
const (
	MaxChannelName        = 164   // bytes; names are ASCII
	MaxEventName          = 200   // characters
	MaxData               = 10240 // bytes of an event's data string
	MaxChannelsPerPublish = 100
	MaxBatch              = 10  // events in one batch of the HTTP API
	MaxUserID             = 128 // characters
)

// MaxRedisData is the limit, in bytes, on the data of an event that a backend
// publishes through Redis. [MaxData] guards an API that is open to the network;
// whoever may publish in Redis is trusted with more, so that a backend whose
// events were never measured (Slanger has no limit) is not cut off.
const MaxRedisData = 128 << 10

// Limits are the limits of one app. [DefaultLimits] gives Pusher's.
type Limits struct {
	ChannelName int // bytes
	EventName   int // characters
	Data        int // bytes of an event's data string
	Channels    int // channels of one publish request
	Batch       int // events of one batch request
}

// DefaultLimits returns the limits that Pusher documents.
func DefaultLimits() Limits {
	return Limits{
		ChannelName: MaxChannelName,
		EventName:   MaxEventName,
		Data:        MaxData,
		Channels:    MaxChannelsPerPublish,
		Batch:       MaxBatch,
	}
}

// redis returns the limits for an event that came through Redis.
func (l Limits) redis() Limits {
	l.Data = max(l.Data, MaxRedisData)
	return l
}
