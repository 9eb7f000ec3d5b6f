package roster

import (
	"hash/fnv"
	"strconv"
	"strings"

	"buildrelay/protocol"
)

// partitions is how many parts the rolls are kept in. All keys of one are in one hash
// slot, so that the parts can be on different nodes of a Redis Cluster.
const partitions = 16

// names knows what the keys in Redis are called (lua/rolls.lua has the rest).
type names struct{ prefix string }

// partition returns what all keys of a partition begin with.
func (n names) partition(p int) string { return n.prefix + ":{~roster:" + strconv.Itoa(p) + "}" }

// occupied returns the key of the hash of an app's occupied channels in a partition.
func (n names) occupied(p int, appID string) string { return n.partition(p) + ":o:" + appID }

// members returns the key of the hash of a channel's members.
func (n names) members(appID, channel string) string {
	return n.partition(partitionOf(appID, channel)) + ":m:" + nameOf(appID, channel)
}

// nameOf returns how a channel is named within its partition.
func nameOf(appID, channel string) string { return appID + ":" + channel }

// partitionOf returns the partition that a channel is in: by FNV-1a of its name.
func partitionOf(appID, channel string) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(nameOf(appID, channel))) // never fails
	return int(hash.Sum32() % partitions)
}

// flags tells the script what it has to know of a channel.
func (r *Roster) flags(appID, channel string) string {
	var b strings.Builder
	if r.config.Tells(appID, channel) {
		b.WriteByte('t')
	}
	kind := protocol.KindOf(channel)
	if kind == protocol.User {
		b.WriteByte('u')
		return b.String()
	}
	if kind.Presence() {
		b.WriteByte('p')
	}
	b.WriteString(r.hookFlags(appID, kind))
	return b.String()
}

// hookFlags are the flags for what the script is to note of a channel by itself.
func (r *Roster) hookFlags(appID string, kind protocol.Kind) (flags string) {
	for _, f := range []struct {
		flag, hook string
		has        bool
	}{
		{"o", protocol.HookOccupied, true},
		{"v", protocol.HookVacated, true},
		{"a", protocol.HookMemberAdded, kind.Presence()},
		{"r", protocol.HookMemberRemoved, kind.Presence()},
		{"s", protocol.HookCount, !kind.Presence() && !kind.Encrypted()},
	} {
		if f.has && r.wants(appID, f.hook) {
			flags += f.flag
		}
	}
	return flags
}

// wants says whether an app's webhooks are told of something.
func (r *Roster) wants(appID, hook string) bool {
	return r.config.Outbox != nil && r.config.Outbox(appID, hook)
}
