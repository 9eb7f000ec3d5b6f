package pipe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// Publisher takes a build's events on their way to the relay.
type Publisher interface {
	// Publish publishes events in order. After an error some of them may have
	// been published; they are sent again under the same ids. An error that
	// [ErrRefused] or [protocol.ErrLogClosed] matches is final; after
	// [protocol.ErrLogGone] the build is published again from its start. The receipt
	// has no positions, or zero ones, where the channel has no log.
	Publish(ctx context.Context, appID string, events []protocol.Event) (protocol.Receipt, error)
}

// ErrRefused matches errors of a Publisher that trying again cannot cure, such
// as a wrong secret.
var ErrRefused = errors.New("refused by the relay")

// Runner runs a build in place of a local process: in a container, say. It
// writes what the build prints, as it comes, and returns when the build has
// ended. Both writers are safe to use at the same time. An error is told on
// stderr and in the log.
type Runner func(ctx context.Context, stdout, stderr io.Writer) (Exit, error)

// Exit is how a build ended.
type Exit struct {
	Code    int    // 0 to 255; 128+n if killed by signal n
	Signal  string // "SIGTERM" if killed by it, else ""
	Unknown bool   // nobody knows the code (standard input has ended)
}

// The defaults of a [Config].
const (
	DefaultInterval     = 50 * time.Millisecond
	DefaultLiveInterval = 250 * time.Millisecond
	DefaultIdleInterval = 2 * time.Second
	DefaultBuffer       = 8 << 20
	DefaultFlushWait    = 10 * time.Second
)

// minData is the least MaxData: the events without output must fit.
const minData = 512

// Config says what is run and where its output goes.
type Config struct {
	AppID     string    // required
	Channel   string    // required; encrypted channels are refused
	Publisher Publisher // required
	// NoLog says that the channel is known to have no log, else the first receipt tells.
	NoLog bool

	Command []string // program and arguments; empty reads Stdin to its end instead
	Dir     string   // working directory of the command; "" is our own
	Env     []string // environment of the command; nil is our own
	Runner  Runner   // runs the build instead of a process; Command then only names it

	Stdin  io.Reader // nil is empty
	Stdout io.Writer // nil discards
	Stderr io.Writer // nil discards

	// Mask is what is replaced by stars, in the events and on Stdout and Stderr; nil is
	// nothing.
	Mask *mask.Set

	// Signals are passed on to the command. SIGINT and SIGQUIT of the terminal
	// are not: the command has them already. nil passes none on.
	Signals <-chan os.Signal

	// Output waits no longer for more than Interval while somebody watches the channel,
	// and IdleInterval (at least Interval) while nobody does. On a channel without a
	// log nobody knows, and it waits for Interval. 0 is DefaultInterval, or
	// DefaultLiveInterval without a log, and DefaultIdleInterval.
	Interval, IdleInterval time.Duration

	MaxData   int           // bytes of an event's data; 0 is protocol.MaxData, at least 512
	Buffer    int           // bytes of output that are kept, to be published or again if Redis loses the log; the oldest are dropped; 0 is DefaultBuffer
	FlushWait time.Duration // after the end, how long a relay may take nothing of what is not yet published; 0 is DefaultFlushWait

	Log *slog.Logger // nil discards
}

// withDefaults returns c with its defaults, or an error that says what is wrong.
func (c Config) withDefaults() (Config, error) {
	if c.MaxData == 0 {
		c.MaxData = protocol.MaxData
	}
	if c.Buffer == 0 {
		c.Buffer = DefaultBuffer
	}
	if c.FlushWait == 0 {
		c.FlushWait = DefaultFlushWait
	}
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.AppID == "":
		return errors.New("no app id")
	case c.Publisher == nil:
		return errors.New("no publisher")
	case c.Interval < 0, c.IdleInterval < 0:
		return errors.New("output cannot wait for less than no time")
	case c.MaxData < minData:
		return fmt.Errorf("events of %d bytes are too small, at least %d", c.MaxData, minData)
	case c.Buffer < 2*c.MaxData:
		return fmt.Errorf("a buffer of %d bytes is too small for events of %d", c.Buffer, c.MaxData)
	case protocol.KindOf(c.Channel).Encrypted():
		return fmt.Errorf("channel %s is encrypted end to end, its events can't be", c.Channel)
	}
	if err := protocol.CheckChannel(c.Channel, protocol.MaxChannelName); err != nil {
		return err
	}
	return nil
}

// liveInterval is how long output waits where there is no log, and until that is
// known.
func (c Config) liveInterval() time.Duration { return cmp.Or(c.Interval, DefaultLiveInterval) }

func (c Config) watchedInterval() time.Duration { return cmp.Or(c.Interval, DefaultInterval) }

func (c Config) idleInterval() time.Duration {
	return max(cmp.Or(c.IdleInterval, DefaultIdleInterval), c.watchedInterval())
}
