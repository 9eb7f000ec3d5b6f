package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

// told is what was taken from the wishes for a partition.
type told struct {
	part *part
	ops  []op
	// again says that the node tells again what it told before. That makes a hold last.
	again bool
}

// flush tells Redis some of what is due, and of the notes. It says whether there may be
// more.
func (s *session) flush(ctx context.Context) (more bool, err error) {
	moreRows, err := s.flushRows(ctx)
	if err != nil {
		return false, err
	}
	moreNotes, err := s.flushNotes(ctx)
	return moreRows || moreNotes, err
}

// flushRows tells Redis some of the rows that are due, in one round trip. It says whether
// there may be more.
func (s *session) flushRows(ctx context.Context) (more bool, err error) {
	var all []told
	var parts []*part
	for _, p := range s.parts {
		if ops, again := s.wishes.take(p.number, batch); len(ops) > 0 {
			all = append(all, told{p, ops, again})
			parts = append(parts, p)
		}
	}
	if len(all) == 0 {
		return false, nil
	}
	i := -1
	replies, err := s.call(ctx, parts, func(*part) []any {
		i++
		return s.args(all[i])
	})
	if err != nil {
		return false, fmt.Errorf("telling Redis: %w", err)
	}
	anyGone := false
	for i, t := range all {
		gone, err := s.settle(t, replies[i])
		if err != nil {
			return false, err
		}
		anyGone = anyGone || gone
	}
	if anyGone {
		return true, s.lease(ctx)
	}
	return true, nil
}

// args are those of the script's command apply.
func (s *session) args(t told) []any {
	hold := int64(0)
	if t.again {
		hold = ms(s.hold() / 2)
	}
	args := append(make([]any, 0, 4+6*len(t.ops)), "apply", t.part.incarnation, t.part.epoch, hold)
	for _, o := range t.ops {
		k := o.row.key
		what := k.kind
		if k.kind == member && !o.wanted {
			what = "leave"
		}
		number := int64(o.number)
		if k.kind == ask && o.known.Epoch == t.part.epoch {
			number = o.known.N
		}
		args = append(args, string(what), s.flags(k.app, k.channel), nameOf(k.app, k.channel), k.user, o.info, number)
	}
	return args
}

// settle takes in the answers to one call. It says whether the incarnation had no lease,
// so that nothing was done.
func (s *session) settle(t told, reply *redis.Cmd) (gone bool, err error) {
	answers, err := reply.Slice()
	if err != nil {
		return false, err
	}
	if len(answers) == 1 {
		// The lease will be found to be lost, unless it came back by somebody's hand.
		s.wishes.repeat(t.part.number, false)
		return true, nil
	}
	if len(answers) != 2+len(t.ops) {
		return false, errUnexpected
	}
	hold, _ := answers[1].(int64)
	for i, o := range t.ops {
		if err := s.settleOne(t.part, o, answers[2+i], time.Duration(hold)*time.Millisecond); err != nil {
			return false, err
		}
	}
	return false, nil
}

// attemptErr returns the error that the script's attempt answers; nil where it is none.
func attemptErr(answer any) error {
	if parts, _ := answer.([]any); len(parts) == 2 {
		text, _ := parts[1].(string)
		return errors.New("the roster's script failed: " + text)
	}
	return nil
}

func (s *session) settleOne(p *part, o op, answer any, hold time.Duration) error {
	k := o.row.key
	parts, _ := answer.([]any)
	switch {
	case answer == "same" && k.kind == ask:
		s.wishes.settle(o, false)
		return nil
	case answer == "later" && k.kind == ask:
		s.wishes.settle(o, false)
		s.wishes.ask(k.app, k.channel, o.known)
		return nil
	case len(parts) == 2:
		return attemptErr(answer)
	case k.kind != ask:
		if s.wishes.settle(o, answer == "full") {
			s.sink.Full(k.app, k.channel, k.user)
		}
		return nil
	}
	roll, err := s.parse(parts)
	if err != nil {
		return err
	}
	roll.At.Epoch, roll.Settled = p.epoch, hold <= 0
	if !roll.Settled {
		p.unsettled[protocol.ChannelName{App: k.app, Channel: k.channel}] = true
		p.settles = time.Now().Add(hold + firstPause)
	}
	s.wishes.settle(o, false)
	s.sink.Rolled(k.app, k.channel, roll)
	return nil
}
