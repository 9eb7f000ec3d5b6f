package roster

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Nodes returns how many nodes have a lease: those that live, and for some seconds those that do
// not any more. Anybody may call it; it waits for Redis.
func (r *Roster) Nodes(ctx context.Context) (n int, err error) {
	first := r.names.partition(0) // each node has a lease of every partition
	err = r.reading.Do(ctx, first, func(client *redis.Client) error {
		incarnations, err := client.SMembers(ctx, first+":incs").Result()
		if err != nil {
			return err
		}
		n = 0
		for _, incarnation := range incarnations {
			there, err := client.Exists(ctx, first+":lease:"+incarnation).Result()
			if err != nil {
				return err
			}
			n += int(there)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("counting the nodes: %w", err)
	}
	return n, nil
}
