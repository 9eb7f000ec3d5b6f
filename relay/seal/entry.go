package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

const (
	// sealedEntry begins the data of a sealed entry, whatever the version.
	sealedEntry  = "relay-sealed:"
	entryVersion = "1:"
	entryWords   = "buildrelay log 1"
	// mostID is the greatest length of an event's id, in bytes, as the append script has it.
	mostID = 200
)

// IsSealed says whether an entry's data looks sealed, in whatever version.
func IsSealed(text string) bool { return strings.HasPrefix(text, sealedEntry) }

// SealEntry returns the text that stands in a log for an event's data. It can be opened only
// as an event of this name, on this channel of this app. id is the event's; empty means a random
// one.
func (k *Keys) SealEntry(app, channel, event, id, data string) (string, error) {
	if id == "" {
		id = rand.Text()
	}
	with, err := entryPlace(app, channel, event, id)
	if err != nil {
		return "", fmt.Errorf("sealing an entry: %w", err)
	}
	sealed, err := k.seal([]byte(data), with)
	if err != nil {
		return "", fmt.Errorf("sealing an entry: %w", err)
	}
	text := make([]byte, 0, SealedSize(len(id), len(data)))
	text = append(text, sealedEntry+entryVersion...)
	text = encoding().AppendEncode(text, []byte(id))
	text = append(text, ':')
	return string(encoding().AppendEncode(text, sealed)), nil
}

// SealedSize is the size of the text that SealEntry makes of data with an id, all in bytes.
func SealedSize(id, data int) int {
	return len(sealedEntry+entryVersion) + encoding().EncodedLen(id) + 1 + encoding().EncodedLen(data+tinkAdds)
}

// OpenEntry returns the data of an event of this name on this channel of this app. Whoever
// sealed it may have put anything there. The error wraps [ErrNotSealed], [ErrUnknownKey] or
// [ErrForged].
func (k *Keys) OpenEntry(app, channel, event, text string) (data string, err error) {
	id, sealed, err := splitEntry(text)
	if err != nil {
		return "", fmt.Errorf("opening an entry: %w", err)
	}
	with, err := entryPlace(app, channel, event, id)
	if err != nil {
		return "", fmt.Errorf("opening an entry: %w: %w", ErrForged, err)
	}
	opened, err := k.open(sealed, with)
	if err != nil {
		return "", fmt.Errorf("opening an entry: %w", err)
	}
	return string(opened), nil
}

// EntryKey returns the key that an entry's data is sealed with; ok is false where it is not sealed.
func EntryKey(text string) (id KeyID, ok bool) {
	_, sealed, err := splitEntry(text)
	if err != nil {
		return 0, false
	}
	return keyOf(sealed)
}

// splitEntry takes apart relay-sealed:1:ID:TEXT.
func splitEntry(text string) (id string, sealed []byte, err error) {
	rest, ok := strings.CutPrefix(text, sealedEntry)
	if !ok {
		return "", nil, ErrNotSealed
	}
	if rest, ok = strings.CutPrefix(rest, entryVersion); !ok {
		return "", nil, fmt.Errorf("%w: it has another version than 1", ErrForged)
	}
	first, second, _ := strings.Cut(rest, ":")
	decoded, good := decode(first)
	if !good || len(decoded) == 0 {
		return "", nil, fmt.Errorf("%w: it has no event id", ErrForged)
	}
	if sealed, good = decode(second); !good {
		return "", nil, fmt.Errorf("%w: it is no base64url", ErrForged)
	}
	return string(decoded), sealed, nil
}

// entryPlace is what an entry is bound to. No two places have the same: nothing but the
// event's name may hold the byte that is between them.
func entryPlace(app, channel, event, id string) ([]byte, error) {
	if strings.Contains(app, "\x00") || strings.Contains(channel, "\x00") || strings.Contains(id, "\x00") {
		return nil, errors.New("the app, the channel or the event id has a byte 0")
	}
	if len(id) > mostID {
		return nil, fmt.Errorf("the event id has more than %d bytes", mostID)
	}
	size := len(entryWords) + len(app) + len(channel) + len(event) + len(id) + 4
	place := make([]byte, 0, size)
	for _, word := range []string{entryWords, app, channel, event} {
		place = append(place, word...)
		place = append(place, 0)
	}
	return append(place, id...), nil
}
