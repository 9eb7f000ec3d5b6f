package relaytest

import "time"

// failoverLimit is longer than what Redis gives a failover that was asked for (5 s); that it
// gave up is not told.
const failoverLimit = 6 * time.Second

// Slot is the hash slot of a key.
func (c *RedisCluster) Slot(key string) int {
	c.t.Helper()
	return int(c.firstRunning().tell("CLUSTER", "KEYSLOT", key).Val().(int64))
}

// MasterOf is the master that has a key, by what the first node that runs knows.
func (c *RedisCluster) MasterOf(key string) *Redis {
	c.t.Helper()
	return c.masterOfSlot(c.Slot(key))
}

func (c *RedisCluster) masterOfSlot(slot int) *Redis {
	c.t.Helper()
	ranges, err := c.ranges(c.firstRunning())
	if err != nil {
		c.t.Fatalf("asking who has slot %d: %v", slot, err)
	}
	for _, r := range ranges {
		if r.from <= slot && slot <= r.to && r.master != nil {
			return r.master
		}
	}
	c.t.Fatalf("nobody has slot %d", slot)
	return nil
}

// Masters are those that have slots, by what the first node that runs knows.
func (c *RedisCluster) Masters() (all []*Redis) {
	c.t.Helper()
	ranges, err := c.ranges(c.firstRunning())
	if err != nil {
		c.t.Fatalf("asking who has the slots: %v", err)
	}
	seen := make(map[*Redis]bool)
	for _, r := range ranges {
		if r.master != nil && !seen[r.master] {
			seen[r.master] = true
			all = append(all, r.master)
		}
	}
	return all
}

// ReplicaOf is a replica of a master.
func (c *RedisCluster) ReplicaOf(master *Redis) *Redis {
	c.t.Helper()
	for _, node := range c.nodes {
		if now := node.replicates(); now["role"] == "slave" && now["master_host"]+":"+now["master_port"] == master.Address() {
			return node
		}
	}
	c.t.Fatalf("%s has no replica that runs", master.Address())
	return nil
}

// FailOver makes the replica of a master the master, as an operator does, and returns it
// when all know.
func (c *RedisCluster) FailOver(master *Redis) *Redis {
	c.t.Helper()
	replica := c.ReplicaOf(master)
	var asked time.Time
	waitFor(c.t, "the replica becomes the master", groupPause, func() bool {
		if time.Since(asked) > failoverLimit {
			asked = time.Now()
			_, _ = replica.ask("CLUSTER", "FAILOVER") // refused if it is the master by now
		}
		return replica.isMaster()
	})
	c.AwaitWhole()
	return replica
}

// Kill ends a master as the kernel would and returns the replica that has taken its place,
// when all know.
func (c *RedisCluster) Kill(master *Redis) *Redis {
	c.t.Helper()
	replica := c.ReplicaOf(master)
	master.Kill()
	waitFor(c.t, "the replica becomes the master", groupPause, replica.isMaster)
	c.AwaitWhole()
	return replica
}

// SlotMove is a slot on its way from one master to another.
type SlotMove struct {
	c        *RedisCluster
	slot     int
	from, to *Redis
}

// BeginMove begins to move a slot. Until Finish the slot is its old master's, and what is
// not there any more, or not yet, the new one is to be asked for.
func (c *RedisCluster) BeginMove(slot int, to *Redis) *SlotMove {
	c.t.Helper()
	m := &SlotMove{c: c, slot: slot, from: c.masterOfSlot(slot), to: to}
	to.tell("CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[m.from])
	m.from.tell("CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[to])
	return m
}

// Keys are those that the old master still has, a hundred of them at most.
func (m *SlotMove) Keys() []string {
	m.c.t.Helper()
	keys, err := m.from.tell("CLUSTER", "GETKEYSINSLOT", m.slot, 100).StringSlice()
	if err != nil {
		m.c.t.Fatalf("reading the keys of slot %d: %v", m.slot, err)
	}
	return keys
}

// Carry moves keys.
func (m *SlotMove) Carry(keys ...string) {
	m.c.t.Helper()
	if len(keys) == 0 {
		return
	}
	command := []any{"MIGRATE", m.to.host, m.to.port, "", 0, probeTime.Milliseconds()}
	if password := m.to.password; password != "" {
		command = append(command, "AUTH", password)
	}
	command = append(command, "KEYS")
	for _, key := range keys {
		command = append(command, key)
	}
	m.from.tell(command...)
}

// CarryHalf moves every other key, as a move does that was interrupted.
func (m *SlotMove) CarryHalf() {
	m.c.t.Helper()
	var half []string
	for i, key := range m.Keys() {
		if i%2 == 0 {
			half = append(half, key)
		}
	}
	m.Carry(half...)
}

// Finish moves what is left and gives the slot to its new master.
func (m *SlotMove) Finish() {
	m.c.t.Helper()
	Eventually(m.c.t, "all keys are moved", func() bool {
		keys := m.Keys()
		m.Carry(keys...)
		return len(keys) == 0
	})
	id := m.c.ids[m.to]
	m.to.tell("CLUSTER", "SETSLOT", m.slot, "NODE", id)
	m.from.tell("CLUSTER", "SETSLOT", m.slot, "NODE", id)
	for _, master := range m.c.Masters() {
		if master != m.from && master != m.to {
			master.tell("CLUSTER", "SETSLOT", m.slot, "NODE", id)
		}
	}
}

// MoveSlot moves a slot with all its keys.
func (c *RedisCluster) MoveSlot(slot int, to *Redis) {
	c.t.Helper()
	c.BeginMove(slot, to).Finish()
}

// MoveInSteps moves a slot to another master than it has. When half of its keys are there
// it has halfway happen.
func (c *RedisCluster) MoveInSteps(slot int, halfway func()) {
	c.t.Helper()
	has := c.masterOfSlot(slot)
	for _, master := range c.Masters() {
		if master != has {
			move := c.BeginMove(slot, master)
			move.CarryHalf()
			halfway()
			move.Finish()
			return
		}
	}
}

// Restore starts what does not run and returns when the Cluster is whole.
func (c *RedisCluster) Restore() {
	c.t.Helper()
	for _, node := range c.nodes {
		if !node.running() {
			node.Restart()
		}
	}
	c.AwaitWhole()
}
