package registry

import (
	"context"
	"fmt"
	"net/url"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

// mostValue is the most that is read of a key: a URL and its signature. What is longer is
// none of ours.
const mostValue = mostURL + 1 + 64

// wrongType begins Redis' answer where a key holds something that is no text.
const wrongType = "WRONGTYPE"

// question is an ask on its way to Redis.
type question struct {
	*ask
	name  string // of the session
	set   *redis.BoolCmd
	value *redis.StringCmd
}

// ask asks Redis, and tells those who wait; where something failed before, only that.
func (l *link) ask(ctx context.Context, asks []*ask, failed error) error {
	var questions []question
	if failed == nil && len(asks) > 0 {
		questions, failed = l.put(ctx, asks)
	}
	for i, a := range asks {
		var reply answer
		if failed != nil {
			reply.err = failed
		} else {
			reply.owner = l.conclude(questions[i])
		}
		a.answer <- reply
	}
	return failed
}

// put puts questions to Redis.
func (l *link) put(ctx context.Context, asks []*ask) ([]question, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	questions := make([]question, len(asks))
	pipe := l.client.Pipeline()
	for i, a := range asks {
		q := question{ask: a, name: l.config.Cluster.SessionName(a.session)}
		if a.claims {
			q.set = pipe.SetNX(ctx, l.key(q.name), l.value(q.name), l.config.Lease)
		}
		q.value = pipe.GetRange(ctx, l.key(q.name), 0, mostValue)
		questions[i] = q
	}
	commands, _ := pipe.Exec(ctx) // it returns one error, and there may be several
	for _, c := range commands {
		if err := c.Err(); err != nil && !redisconn.IsReply(err, wrongType) {
			return nil, fmt.Errorf("asking whose sessions are: %w", err)
		}
	}
	return questions, nil
}

// conclude takes Redis' answer in. It returns another node that has the session, or nil.
func (l *link) conclude(q question) *url.URL {
	if q.claims && q.set.Val() {
		l.sessions.claimed(q.ask, true)
		return nil
	}
	owner := l.owner(q.name, q.value)
	if q.claims && owner == nil {
		l.sessions.claimed(q.ask, false)
	}
	return owner
}

// owner reads what a key holds: another node, or nil.
func (l *link) owner(name string, reply *redis.StringCmd) *url.URL {
	value, err := reply.Result()
	if value == "" && err == nil {
		return nil
	}
	owner, ok := parseValue(l.config.Cluster, name, value)
	if !ok {
		l.config.Metrics.Dropped.WithLabelValues("session").Inc()
		return nil
	}
	if owner.String() == l.self {
		return nil
	}
	return owner
}
