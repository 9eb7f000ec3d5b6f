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

// ask asks SENTINEL GET-MASTER-ADDR-BY-NAME, which names a replica as soon as it was
// promoted, and SENTINEL MASTER, which names it seconds later, for the epoch.
func (s sentinels) ask(ctx context.Context, client *redis.Client, address string) (*Map, int64, error) {
	named := redis.NewStringSliceCmd(ctx, "sentinel", "get-master-addr-by-name", s.name)
	known := redis.NewMapStringStringCmd(ctx, "sentinel", "master", s.name)
	_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		_ = pipe.Process(ctx, known) // the commands have the errors
		_ = pipe.Process(ctx, named)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("asking the Sentinel %s for the master %q: %w", address, s.name, err)
	}
	at := named.Val()
	epoch, err := strconv.ParseInt(known.Val()["config-epoch"], 10, 64)
	if err != nil || len(at) != 2 {
		return nil, 0, fmt.Errorf("the Sentinel %s says nothing of where the master %q is", address, s.name)
	}
	return single(net.JoinHostPort(at[0], at[1])), epoch, nil
}
