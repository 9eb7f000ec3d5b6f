package roster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

// Check finds out whether the user may do in Redis what the roster does. It tries all of
// it, in a partition of its own, and removes what it wrote.
func (r *Roster) Check(ctx context.Context) error {
	p := probe{roster: r, partition: r.config.Prefix + ":{~roster:check-" + rand.Text() + "}", incarnation: newIncarnation()}
	return errors.Join(p.try(ctx), p.remove(ctx))
}

// probe is a node with a partition of its own.
type probe struct {
	roster                 *Roster
	partition, incarnation string
}

// The channels of a probe: with members, and with subscriptions.
const (
	probedMembers = "check:presence-check"
	probedCount   = "check:check"
)

func (p probe) try(ctx context.Context) error {
	lease, err := p.call(ctx, "lease", p.incarnation, "", 1000, 1000, 1000)
	if err != nil {
		return err
	}
	if len(lease) != 3 {
		return errUnexpected
	}
	member := func(what string) []any { return []any{what, "tpovar", probedMembers, "check", "", 0} }
	told := append([]any{p.incarnation, lease[0], 0}, member("enter")...)
	told = append(told, member("leave")...)
	told = append(told, member("enter")...) // takes back what the outbox has
	told = append(told, "count", "tos", probedCount, "", "", 1, "roll", "tpovar", probedMembers, "", "", 0)
	for _, c := range [][]any{
		append([]any{"apply"}, told...),
		{"finish", probedMembers, 1000},
		{"release", p.incarnation},
		{"sweep", 1000, 10},
		{"tell", p.incarnation, 1, protocol.HookCacheMiss, probedCount, "", "", protocol.HookClientEvent, probedCount, "", "{}"},
	} {
		if _, err := p.call(ctx, c[0].(string), c[1:]...); err != nil {
			return err
		}
	}
	if err := p.read(ctx); err != nil {
		return err
	}
	return p.takeOutbox(ctx)
}

// takeOutbox does what an outbox does: all that is in it is taken and done.
func (p probe) takeOutbox(ctx context.Context) error {
	taken, err := p.call(ctx, "poll", p.incarnation, 1000, "-", "", pollCount)
	if err != nil {
		return err
	}
	if len(taken) != 5 {
		return errUnexpected
	}
	entries, _ := taken[4].([]any)
	ids := make([]any, 0, len(entries))
	for _, entry := range entries {
		id, _, _ := parseEntry(entry)
		ids = append(ids, id)
	}
	for _, c := range [][]any{
		append([]any{"standing", p.incarnation}, ids...),
		append([]any{"done"}, ids...),
		{"yield", p.incarnation},
	} {
		if _, err := p.call(ctx, c[0].(string), c[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// call calls a command of the script. What it answers is nil where that is no list.
func (p probe) call(ctx context.Context, command string, args ...any) ([]any, error) {
	reply, err := p.roster.runScript(ctx, p.partition, append([]any{command}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	answers, _ := reply.([]any)
	for _, answer := range answers {
		if failed, _ := answer.([]any); len(failed) == 2 && failed[0] == "error" {
			return nil, fmt.Errorf("%s: %v", command, failed[1])
		}
	}
	return answers, nil
}

// read reads what the HTTP API reads.
func (p probe) read(ctx context.Context) error {
	err := p.roster.reading.Do(ctx, p.partition, func(client *redis.Client) error {
		pipe := client.Pipeline()
		pipe.HGetAll(ctx, p.partition+":o:check")
		pipe.HKeys(ctx, p.partition+":m:"+probedMembers)
		pipe.HLen(ctx, p.partition+":m:"+probedMembers)
		_, err := pipe.Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading who is there: %w", err)
	}
	return nil
}

func (p probe) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout) // a check that took too long removes, too
	defer cancel()
	var keys []string
	for _, name := range []string{
		"epoch", "hold", "seq", "run", "last", "incs", "out", "o:check",
		"lease:" + p.incarnation, "of:" + p.incarnation, "end:" + probedMembers,
		"c:" + probedMembers, "m:" + probedMembers, "c:" + probedCount,
		"due:" + probedMembers + ":", "due:" + probedMembers + ":check", "due:" + probedCount + ":",
		"sender", "bytes", "bytes:check", "lost", "told:" + p.incarnation, "tally:" + probedCount, "miss:" + probedCount,
	} {
		keys = append(keys, p.partition+":"+name)
	}
	err := p.roster.reading.Do(ctx, p.partition, func(client *redis.Client) error {
		return client.Del(ctx, keys...).Err()
	})
	if err != nil {
		return fmt.Errorf("removing what the check wrote: %w", err)
	}
	return nil
}
