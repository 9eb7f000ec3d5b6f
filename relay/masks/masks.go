package masks

import (
	"log/slog"
	"sync"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
	"buildrelay/relay/metrics"
)

// Config is what masks need. All but Metrics and Log may be left out.
type Config struct {
	// Rules returns the rules of an app; nil: no app has any.
	Rules func(appID string) protocol.MaskRules
	// Open returns the values of a registration. Its error must not have any of them. nil:
	// none can be read.
	Open func(appID, channel, sealed string) ([]string, error)
	// Told is told what was masked: of a channel and a place at once, and then at most once a
	// minute. It is called by who publishes or shows, so it must not block. nil: nobody is told.
	Told func(Hits)
	// Now is the clock; nil: that of the machine.
	Now func() time.Time
	// Memory is how many bytes compiled values may take; 0: [DefaultMemory].
	Memory  int
	Metrics metrics.Masking
	Log     *slog.Logger
}

// Masks are what is registered with all apps. It is safe for concurrent use.
type Masks struct {
	config     Config
	registered *registered
	losses     losses
	sets       *sets
	shapes     func() *mask.Set // the tokens that are known by their form
	open       *opened
	tally      *tally
}

// New returns masks with nothing registered.
func New(c Config) *Masks {
	if c.Rules == nil {
		c.Rules = func(string) protocol.MaskRules { return nil }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	return &Masks{
		config:     c,
		registered: newRegistered(c.Now),
		losses:     losses{of: make(map[string]bool)},
		sets:       newSets(c.Memory),
		shapes: sync.OnceValue(func() *mask.Set {
			set, _ := mask.NewSet(nil, mask.Shapes())
			return set
		}),
		open:  newOpened(),
		tally: newTally(c.Told, c.Now),
	}
}

// Load takes what read returns of an app: all that Redis has registered. Of each channel the
// newer counts, be it that or what is known. What is known and not there at all was lost, as
// nobody took it back: it stays, and that is logged, once. After an error of read nothing has
// changed. What could not be opened before is tried again. It blocks while read does.
func (m *Masks) Load(appID string, read func() ([]Stored, error)) error {
	over, lost, err := m.registered.load(appID, read)
	if err != nil {
		return err
	}
	m.forget(over)
	if m.losses.note(appID, lost) {
		m.config.Log.Error("Redis lost what was registered to be masked: this node goes on with what it knows, others may not; register it again", "app", appID)
	}
	return nil
}

// Hear takes a registration, in the place of the former of the channel. One that is older
// than what is known is ignored. It does not block: what is sealed is opened when an event
// needs it. Without anything sealed it takes back what is older, which does not come back then.
func (m *Masks) Hear(s Stored) { m.forget(m.registered.hear(s)) }

// TellDue tells what has waited for its minute, and lets go of registrations that have ended. It
// is to be called now and then, such as every half minute.
func (m *Masks) TellDue() {
	m.forget(m.registered.sweep())
	for _, h := range m.tally.due() {
		m.tally.told(h)
	}
}
