package relay

import (
	"maps"
	"slices"

	"buildrelay/protocol"
)

// Roster keeps the rolls over all nodes: who is a member of which channel, which users
// are signed in, how many subscriptions there are. It is told what is so on this node.
// The methods never block, and call nothing back before they return.
type Roster interface {
	// Enter makes m a member, on behalf of this node, or calls [Hub.Full] if the channel
	// has limit members already; 0 means that there is no limit. It may be said again.
	Enter(appID, channel string, m protocol.Member, limit int)
	// Leave takes back Enter.
	Leave(appID, channel, userID string)
	// Count says how many subscriptions the channel has on this node.
	Count(appID, channel string, n int)
	// Ask calls [Hub.Rolled] with the roll as it is after all that was said before, unless
	// it is as known; the zero Version is known nowhere.
	Ask(appID, channel string, known protocol.Version)
}

// roll is what this node knows of a channel's roll: a copy of what Redis keeps, which
// follows step by step what Redis tells. Readers are told what changes in the copy, so
// that to each of them a member joins and leaves in turn, whatever was missed. Guarded by
// channel.mu.
type roll struct {
	at protocol.Version
	// current says that no step is known to be missing; until then the roll is asked for.
	current bool
	// told is the newest step that was told while the copy was not current.
	told protocol.Version
	// differs says that the copy has members that Redis has not, and why is not clear yet.
	differs bool
	// beyond is the version that rolls which were read did not come to, and late how many
	// of them in a row. If it goes on, beyond is none that Redis ever gave.
	beyond protocol.Version
	late   int
	// ended is the step at which the user's connections were ended the last time, read the
	// newest such step that was read: at first it may be from before they came.
	ended, read int64
	// members are the user_infos by id, and listed is the frame that lists them to a new
	// subscriber, nil when they have changed since.
	members map[string]string
	listed  protocol.Frame
	// here are the connections on this node, by member; on a user's channel those that
	// are signed in. They are members whatever Redis says: it is told again.
	here map[string][]*Conn
}

func newRoll() *roll {
	return &roll{members: make(map[string]string), here: make(map[string][]*Conn)}
}

// steps are changes of a copy.
type steps struct {
	joined []protocol.Member
	left   []string
	ended  bool
	count  int // of subscriptions, -1 where nothing is said of it
}

// follow takes one step. It returns false where steps are missing before it.
func (r *roll) follow(c protocol.Change) (s steps, ok bool) {
	s.count = -1
	if s.ended = c.Ended && c.At.N > r.ended; s.ended {
		r.ended = c.At.N
	}
	switch {
	case r.current && c.At.Epoch == r.at.Epoch && c.At.N <= r.at.N:
		return s, true // known already
	case !r.current || c.At.Epoch != r.at.Epoch || c.Prev != r.at.N && !r.begins(c):
		r.current, r.told = false, c.At
		return s, false
	}
	r.at = c.At
	s.count = c.Count
	if c.Joined != nil {
		r.add(&s, *c.Joined)
	}
	if c.Left != "" {
		r.remove(&s, c.Left)
	}
	return s, true
}

// begins says whether a step is the first of a roll after the empty one that is here:
// Redis keeps no version of that.
func (r *roll) begins(c protocol.Change) bool { return c.Prev == 0 && len(r.members) == 0 }

// adopt takes the roll as it was read, unless it is older than what was told. It says
// whether to ask again at once. Connections that are new to the roll are ended where nobody
// has come since: then they were there.
func (r *roll) adopt(n protocol.Roll) (s steps, askAgain bool) {
	if late, again := r.tooLate(n.At); late {
		return steps{count: -1}, again
	}
	s.count = n.Count
	s.ended = n.Ended > max(r.ended, r.read) && (r.at != protocol.Version{} || n.Ended == n.At.N)
	if s.ended {
		r.ended = n.Ended
	}
	r.at, r.current, r.told, r.read = n.At, true, protocol.Version{}, n.Ended
	r.beyond, r.late = protocol.Version{}, 0
	r.compare(&s, n)
	return s, false
}

// tooLate says whether a roll that was read is older than what was told, and whether it
// helps to ask again at once. The fourth time in a row that it is older than the same it
// is right, and what was told is not.
func (r *roll) tooLate(at protocol.Version) (late, again bool) {
	newest := r.told
	if r.current {
		newest = r.at
	}
	if at.Epoch != newest.Epoch || at.N >= newest.N {
		return false, false
	}
	if r.beyond != newest {
		r.beyond, r.late = newest, 0
	}
	r.late++
	return r.late < 4, r.late == 1 && !r.current
}

// compare makes the members those that were read, but that nobody leaves while Redis may
// have lost something.
func (r *roll) compare(s *steps, n protocol.Roll) {
	gone := maps.Clone(r.members)
	for _, m := range n.Members {
		delete(gone, m.ID)
		r.add(s, m)
	}
	r.differs = !n.Settled && len(gone) > 0
	if !n.Settled {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(gone)) {
		r.remove(s, id)
	}
}

// add adds a member. One that is a member already may have another user_info now, if all
// nodes had to register it again: that is no change to tell.
func (r *roll) add(s *steps, m protocol.Member) {
	info, was := r.members[m.ID]
	if !was {
		s.joined = append(s.joined, m)
	} else if info == m.Info {
		return
	}
	r.members[m.ID], r.listed = m.Info, nil
}

// remove removes a member, unless it is here: then Redis is wrong, or just being told.
func (r *roll) remove(s *steps, id string) {
	if len(r.here[id]) > 0 {
		r.differs = true
		return
	}
	if _, was := r.members[id]; was {
		delete(r.members, id)
		r.listed = nil
		s.left = append(s.left, id)
	}
}

// has says whether a member that enters is on the roll.
func (r *roll) has(id string) bool {
	_, ok := r.members[id]
	return r.current && ok
}

// list returns what a new subscriber is told: the members in the order of their ids. It is
// the same for all of them, and not to be changed.
func (r *roll) list(channel string) protocol.Frame {
	if r.listed == nil {
		members := make([]protocol.Member, 0, len(r.members))
		for _, id := range slices.Sorted(maps.Keys(r.members)) {
			members = append(members, protocol.Member{ID: id, Info: r.members[id]})
		}
		r.listed = slices.Clip(protocol.SucceededPresence(channel, members))
	}
	return r.listed
}

// arrive notes a connection of a member. It says whether it is the first on this node.
func (r *roll) arrive(id string, c *Conn) (first bool) {
	r.here[id] = append(r.here[id], c)
	return len(r.here[id]) == 1
}

// depart takes back arrive. It says whether no connection is left, and does nothing for
// one that is not there.
func (r *roll) depart(id string, c *Conn) (last bool) {
	i := slices.Index(r.here[id], c)
	if i < 0 {
		return false
	}
	if r.here[id] = slices.Delete(r.here[id], i, i+1); len(r.here[id]) > 0 {
		return false
	}
	delete(r.here, id)
	return true
}
