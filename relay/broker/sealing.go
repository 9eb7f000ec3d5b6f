package broker

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/metrics"
	"buildrelay/relay/seal"
)

// Keys seal the events that join logs, and open those that stand in them; [seal.Keys] do.
type Keys interface {
	SealEntry(app, channel, event, id, data string) (string, error)
	OpenEntry(app, channel, event, text string) (string, error)
}

// sealing is what has to be known about the sealed logs of all apps.
type sealing struct {
	keys    Keys
	mode    func(appID string) auth.Seal
	metrics *metrics.Metrics
}

func newSealing(c Config) sealing {
	s := sealing{c.Keys, c.Seal, c.Metrics}
	if s.keys == nil {
		s.keys = (*seal.Keys)(nil) // which has none
	}
	if s.mode == nil {
		s.mode = func(string) auth.Seal { return auth.SealOff }
	}
	return s
}

// data returns what stands in the log for an event's data. An [protocol.Error] says that the
// event cannot be sealed, whoever tries.
func (s sealing) data(appID string, e protocol.Event) (string, error) {
	if !s.mode(appID).On() {
		return e.Data, nil
	}
	id := e.ID
	if id == "" {
		id = rand.Text() // for the envelope alone: the script would remember it
	}
	if strings.Contains(id, "\x00") {
		return "", protocol.ErrSealedID()
	}
	if seal.SealedSize(len(id), len(e.Data)) > protocol.MaxRedisData {
		return "", protocol.ErrSealedTooLarge(mostSealed(id))
	}
	return s.keys.SealEntry(appID, e.Channel, e.Name, id, e.Data)
}

// mostSealed is how many bytes of data an event with this id may have, so that the append script
// takes what is made of it.
func mostSealed(id string) int {
	return base64.RawURLEncoding.DecodedLen(protocol.MaxRedisData - seal.SealedSize(len(id), 0))
}

// open gives an event of a log channel the data that was sealed. An error says that nobody is
// to see it: it is counted here.
func (s sealing) open(appID string, e *protocol.Event) error {
	mode := s.mode(appID)
	if !seal.IsSealed(e.Data) {
		if mode != auth.SealRequired {
			return nil
		}
		return s.refuse(seal.ErrNotSealed)
	}
	data, err := s.keys.OpenEntry(appID, e.Channel, e.Name, e.Data)
	switch {
	case err == nil:
	case !mode.On(): // it only looks like one
		return nil
	default:
		return s.refuse(err)
	}
	e.Data = data
	if e.Link != nil {
		e.Link.Sealed = true
	}
	return nil
}

// refuse counts what is not shown, and returns why.
func (s sealing) refuse(why error) error {
	word := "forged"
	switch {
	case errors.Is(why, seal.ErrNotSealed):
		word = "plain"
	case errors.Is(why, seal.ErrUnknownKey):
		word = "unknown_key"
	}
	s.metrics.SealRefused.WithLabelValues(word).Inc()
	return why
}
