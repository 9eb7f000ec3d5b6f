package redisconn

import (
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// notDone begin Redis' answers to what it did not carry out at all: somebody else is the
// master, a slot is being moved, or it is not ready yet. ASK is among them. It names who has
// a key of a slot that is being moved; but who goes there may find half of what belongs
// together, a log's end without its entries say. So whoever is told waits until the move
// is over.
var notDone = []string{"MOVED ", "ASK ", "TRYAGAIN", "READONLY", "CLUSTERDOWN", "LOADING", "MASTERDOWN"} //nolint:gochecknoglobals // a constant list

// IsNotDone says whether err is Redis' answer that it carried nothing out, and that it will,
// or another server, before long.
func IsNotDone(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return false
	}
	text := reply.Error()
	return slices.ContainsFunc(notDone, func(code string) bool { return strings.HasPrefix(text, code) }) ||
		strings.Contains(text, "non local key")
}
