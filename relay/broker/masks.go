package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/masks"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/seal"
)

const (
	// masksEvent is the name under which what is to be masked is sealed. No event has it: the
	// prefix is the relay's own, and a log that holds one is not shown.
	masksEvent = "relay:masks"
	// ofApp is the field of what is registered for a whole app.
	ofApp = "*"
	// masksTopic is the [Topic] by which nodes hear what is registered.
	masksTopic = "masks"
	// masksChunk is how many registrations are read at a time.
	masksChunk = 200
	// masksBlock is of how many bytes there is a multiple in what is sealed.
	masksBlock = 1 << 10
	// mostSealedMask is how many bytes one has that is sealed, as in lua/mask.lua.
	mostSealedMask = 160 << 10
	// mostMasked is how much later than now one may end, as there.
	mostMasked = 91 * 24 * time.Hour
)

// Mask registers what is to be masked, for all nodes: of a channel, or of the whole app where it
// is "", until a time that is at most 90 days from now. It takes the place of what was
// registered there; without values that is taken back. What this node publishes from its return
// on, and shows, is masked. The error wraps [protocol.ErrMaskKeys] or [protocol.ErrMasksFull]
// where that is why. It holds no value.
func (b *Broker) Mask(ctx context.Context, appID, channel string, values []string, until time.Time) error {
	s := masks.Stored{App: appID, Channel: channel, Until: time.UnixMilli(0)}
	var err error
	if len(values) > 0 {
		s.Until = until
		if s.Sealed, err = b.sealMasks(appID, channel, values); err != nil {
			return fmt.Errorf("registering what is to be masked: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	if s.Version, err = b.register(ctx, s); err != nil {
		return fmt.Errorf("registering what is to be masked: %w", err)
	}
	b.masking.hear(s)
	return nil
}

// sealMasks seals values, as a JSON list with spaces behind it: its length does not tell how long
// they are.
func (b *Broker) sealMasks(appID, channel string, values []string) (string, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return "", err
	}
	if rest := len(text) % masksBlock; rest > 0 {
		text = append(text, bytes.Repeat([]byte(" "), masksBlock-rest)...)
	}
	sealed, err := b.sealing.keys.SealEntry(appID, channel, masksEvent, "", string(text))
	if errors.Is(err, seal.ErrNoKeys) {
		return "", protocol.ErrMaskKeys
	}
	return sealed, err
}

// OpenMasks returns the values that Mask has sealed, or a backend with the same keys.
func OpenMasks(keys Keys, appID, channel, sealed string) (values []string, err error) {
	text, err := keys.OpenEntry(appID, channel, masksEvent, sealed)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal([]byte(text), &values) != nil {
		return nil, errors.New("what is sealed is no list of values") // the library's error holds some of it
	}
	return values, nil
}

// register has the script keep a registration and tell all nodes. It returns the version.
func (b *Broker) register(ctx context.Context, s masks.Stored) (version int64, err error) {
	key := b.names.masks(s.App)
	err = b.pool.Do(ctx, key, func(client *redis.Client) error {
		reply, err := b.scripts.mask.Run(ctx, client, key, s.Channel, s.Until.UnixMilli(), s.Sealed)
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(textOf(reply), &version)
		return err
	})
	switch {
	case redisconn.IsReply(err, "MASKSFULL"):
		return 0, fmt.Errorf("%w (%w)", protocol.ErrMasksFull, err)
	case redisconn.IsReply(err, "OOM"):
		return 0, fmt.Errorf("%w (%w)", protocol.ErrFull, err)
	}
	return version, err
}

// storedMask is a registration as Redis has it: App and Channel where it is told, not kept.
type storedMask struct {
	App     string `json:"app"`
	Channel string `json:"channel"`
	Until   int64  `json:"until"` // ms since 1970
	Version int64  `json:"v"`
	Sealed  string `json:"sealed"`
}

// parseMask makes sense of a registration. What comes from Redis is not trusted: one that ends too
// late ends as late as it may.
func parseMask(text string) (masks.Stored, bool) {
	var s storedMask
	err := json.Unmarshal([]byte(text), &s)
	sealed := s.Sealed == "" || len(s.Sealed) <= mostSealedMask && seal.IsSealed(s.Sealed)
	good := err == nil && sealed && s.Version > 0 && s.Version < 1<<versionBits
	until := min(s.Until, time.Now().Add(mostMasked).UnixMilli())
	return masks.Stored{App: s.App, Channel: s.Channel, Sealed: s.Sealed, Until: time.UnixMilli(until), Version: s.Version}, good
}

// eachMask visits what an app has registered, in small steps.
func (b *Broker) eachMask(ctx context.Context, client *redis.Client, appID string, visit func(masks.Stored)) error {
	fields, err := client.HKeys(ctx, b.names.masks(appID)).Result()
	for err == nil && len(fields) > 0 {
		some := fields[:min(masksChunk, len(fields))]
		fields = fields[len(some):]
		var values []any
		if values, err = client.HMGet(ctx, b.names.masks(appID), some...).Result(); err == nil {
			b.parseMasks(appID, some, values, visit)
		}
	}
	return err
}

// parseMasks visits what makes sense of the values of fields, and counts the rest.
func (b *Broker) parseMasks(appID string, fields []string, values []any, visit func(masks.Stored)) {
	for i, v := range values {
		text, there := v.(string)
		if own := len(fields[i]) == 2 && strings.HasPrefix(fields[i], "#"); own || !there {
			continue
		}
		s, ok := parseMask(text)
		if !ok {
			b.metrics.LogBad.WithLabelValues("entry").Inc()
			continue
		}
		if s.App, s.Channel = appID, fields[i]; fields[i] == ofApp {
			s.Channel = ""
		}
		visit(s)
	}
}
