package redisconn

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// sentinels say who the master of a name is. One that was cut off may say what was true
// before; the epoch of its configuration tells.
type sentinels struct {
	name    string
	options *redis.Options
}

func (s sentinels) to() *redis.Options { return s.options }
func (s sentinels) also() bool         { return false }

// ask asks SENTINEL MASTER.
func (s sentinels) ask(ctx context.Context, client *redis.Client, address string) (*Map, int64, error) {
	command := redis.NewMapStringStringCmd(ctx, "sentinel", "master", s.name)
	_ = client.Process(ctx, command) // the command has the error, too
	master, err := command.Result()
	if err != nil {
		return nil, 0, fmt.Errorf("asking the Sentinel %s for the master %q: %w", address, s.name, err)
	}
	epoch, err := strconv.ParseInt(master["config-epoch"], 10, 64)
	if err != nil || master["ip"] == "" {
		return nil, 0, fmt.Errorf("the Sentinel %s says nothing of where the master %q is", address, s.name)
	}
	return single(net.JoinHostPort(master["ip"], master["port"])), epoch, nil
}
