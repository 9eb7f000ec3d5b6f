package broker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/masks"
)

const (
	// scanKeys is about how many keys Redis looks at in one step.
	scanKeys = 1000
	// scanEntries is how many entries are read in one step; each may have 128 KiB.
	scanEntries = 50
)

// EachEntry calls visit with the data of every entry of every log in Redis, as it stands
// there, and with all that is registered to be masked, which is sealed by the same keys. It goes
// in small steps, so that it holds up nobody, and may take minutes. What comes or goes meanwhile
// may be left out.
func (b *Broker) EachEntry(ctx context.Context, visit func(data string)) error {
	masters, err := b.pool.Each(ctx)
	if err != nil {
		return fmt.Errorf("looking through the logs in Redis: %w", err)
	}
	for _, client := range masters {
		logs, err := b.scanLogs(ctx, client)
		for at := 0; at < len(logs) && err == nil; at++ {
			err = scanLog(ctx, client, logs[at], visit)
		}
		if err == nil {
			err = b.scanMasks(ctx, client, visit)
		}
		if err != nil {
			return fmt.Errorf("looking through the logs in Redis: %w", err)
		}
	}
	return nil
}

// scanLogs returns the keys of the logs that a master has, each once.
func (b *Broker) scanLogs(ctx context.Context, client *redis.Client) (logs []string, err error) {
	return b.scan(ctx, client, b.names.log("*", "*"), "stream")
}

// scanMasks visits what is registered to be masked.
func (b *Broker) scanMasks(ctx context.Context, client *redis.Client, visit func(sealed string)) error {
	keys, err := b.scan(ctx, client, b.names.masks("*"), "hash")
	for at := 0; at < len(keys) && err == nil; at++ {
		app := strings.TrimSuffix(strings.TrimPrefix(keys[at], b.names.prefix+":{"), "}:masks")
		err = b.eachMask(ctx, client, app, func(s masks.Stored) {
			if s.Sealed != "" && s.Until.After(time.Now()) {
				visit(s.Sealed)
			}
		})
	}
	return err
}

// scan returns the keys of a type that a master has, each once: those with as many parts as the
// pattern has.
func (b *Broker) scan(ctx context.Context, client *redis.Client, pattern, kind string) (found []string, err error) {
	seen := map[string]bool{}
	for cursor := uint64(0); ; {
		var keys []string
		keys, cursor, err = client.ScanType(ctx, cursor, pattern, scanKeys, kind).Result()
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if strings.Count(key, ":") == strings.Count(pattern, ":") && !seen[key] {
				seen[key] = true
				found = append(found, key)
			}
		}
		if cursor == 0 {
			return found, nil
		}
	}
}

func scanLog(ctx context.Context, client *redis.Client, key string, visit func(data string)) error {
	for from := "-"; ; {
		entries, err := client.XRangeN(ctx, key, from, "+", scanEntries).Result()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			data, _ := entry.Values["d"].(string)
			visit(data)
			from = "(" + entry.ID
		}
		if len(entries) < scanEntries {
			return nil
		}
	}
}
