package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/masks"
)

// nowhere is a sink that does nothing.
type nowhere struct{}

func (nowhere) Deliver(string, protocol.Event) {}
func (nowhere) Confirmed(string, string)       {}
func (nowhere) Refused(string, string)         {}
func (nowhere) Interrupted()                   {}

// BenchmarkDeliver is what it costs to take in a message with one event of 200 bytes that is to be
// masked, or not.
func BenchmarkDeliver(b *testing.B) {
	values := make([]string, 20)
	for i := range values {
		values[i] = text(24)
	}
	data := fmt.Sprintf(`{"seq":1,"offset":0,"line":1,"text":%q}`, "compiling a file of the project "+text(130)+"\n")
	message := &redis.Message{Channel: "buildrelay:1:a", Payload: string(protocol.EncodePublished(events("a", data)))}
	secret := &redis.Message{Channel: "buildrelay:1:a", Payload: string(protocol.EncodePublished(events("a", data[:60]+values[7]+`"}`)))}
	m := newMasker(b)
	for _, c := range []struct {
		name    string
		change  func(*broker.Config)
		values  []string
		message *redis.Message
	}{
		{"without masks", func(*broker.Config) {}, nil, message},
		{"nothing registered", m.masks, nil, message},
		{"20 values, none in it", m.masks, values, message},
		{"20 values, one in it", m.masks, values, secret},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, "redis://127.0.0.1:1", c.change, func(config *broker.Config) {
				if c.values != nil {
					config.Masks.Hear(masks.Stored{App: "1", Channel: "a", Sealed: m.sealedMasks(b, "a", c.values...), Until: m.now().Add(time.Hour), Version: 1})
				}
			})
			broker.KnowMasks(r.Broker, "1")
			r.Watch("1", "a")
			b.ReportAllocs()
			for b.Loop() {
				broker.Deliver(r.Broker, c.message, nowhere{})
			}
		})
	}
}
