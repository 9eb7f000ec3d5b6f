package protocol

import "errors"

var (
	// ErrMaskKeys means that what is to be masked cannot be registered: it is kept sealed alone,
	// and the node has nothing to seal it with.
	ErrMaskKeys = errors.New("what is to be masked is kept in Redis sealed, and nothing else, but the relay has no keys for that (RELAY_KEYS_FILE)")
	// ErrMasksFull means that an app has registered as much as it may.
	ErrMasksFull = errors.New("the app has registered as much as it may: for 10,000 channels, or 32 MiB of it")
	// ErrMasksUnread means that a node does not know what an app has registered, not yet or not
	// since Redis was away: it neither publishes for it nor reads its logs.
	ErrMasksUnread = errors.New("what the app has registered to be masked could not be read from Redis")
)
