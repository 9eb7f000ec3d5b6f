package broker

import (
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// turnSink looks, while it is told of an answer, whether a command can be chosen.
type turnSink struct {
	link *link
	told []string
	free bool
}

func (s *turnSink) take(what string) {
	s.told = append(s.told, what)
	if s.link.turn.TryLock() {
		s.free = true
		s.link.turn.Unlock()
	}
}

func (s *turnSink) Deliver(string, protocol.Event) {}
func (s *turnSink) Confirmed(_, channel string)    { s.take("confirmed " + channel) }
func (s *turnSink) Refused(_, channel string)      { s.take("refused " + channel) }
func (s *turnSink) Interrupted()                   {}

// Otherwise a channel that is given up and asked for anew while the sink is told
// could be unsubscribed in between, and the sink would believe it heard.
func TestNoCommandIsChosenWhileTheSinkIsToldOfAnAnswer(t *testing.T) {
	b := New(Config{Redis: redisconn.Single(&redis.Options{}), Prefix: "p", Log: slog.New(slog.DiscardHandler)})
	defer b.pool.Close()
	s := &turnSink{}
	s.link = &link{broker: b, sink: s}
	b.Watch("1", "a")
	s.link.nextCommand()
	if err := s.link.confirm(&redis.Subscription{Kind: "subscribe", Channel: "p:1:a"}); err != nil {
		t.Fatal(err)
	}
	b.Watch("1", "b")
	s.link.nextCommand()
	if err := s.link.handleError(noPermission{}); err != nil {
		t.Fatal(err)
	}
	if len(s.told) != 2 || s.told[0] != "confirmed a" || s.told[1] != "refused b" {
		t.Errorf("told %q", s.told)
	}
	if s.free {
		t.Error("a command could be chosen while the sink was told")
	}
}

// noPermission is Redis' answer to a SUBSCRIBE that is forbidden.
type noPermission struct{}

func (noPermission) Error() string { return "NOPERM No permissions to access a channel" }
func (noPermission) RedisError()   {}

func TestALinkOutOfStepEnds(t *testing.T) {
	b := New(Config{Redis: redisconn.Single(&redis.Options{}), Prefix: "p", Log: slog.New(slog.DiscardHandler)})
	defer b.pool.Close()
	l := &link{broker: b, sink: &turnSink{}}
	if err := l.confirm(&redis.Subscription{Kind: "subscribe", Channel: "p:1:a"}); err == nil {
		t.Error("an answer to nothing is taken")
	}
	if err := l.handleError(noPermission{}); err == nil {
		t.Error("a refusal of nothing is taken")
	}
}
