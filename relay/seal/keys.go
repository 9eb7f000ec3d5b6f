package seal

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// The errors of opening, for errors.Is. All are about the text or the keys, and hold neither.
var (
	// ErrNotSealed is about a text that does not look like a sealed one.
	ErrNotSealed = errors.New("it is not sealed")
	// ErrUnknownKey is about a text that names a key which is not there: it may have been
	// retired too early, or not yet be here.
	ErrUnknownKey = errors.New("it is sealed with an unknown key")
	// ErrForged is about a text that was changed, cut, or sealed for another place.
	ErrForged = errors.New("it is forged")
	// ErrNoKeys says that there is no key set.
	ErrNoKeys = errors.New("there are no keys (RELAY_KEYS_FILE)")
)

// Keys seal and open with the set that is in force. A nil *Keys has none. It is safe for
// concurrent use.
type Keys struct{ current atomic.Pointer[Keyset] }

// NewKeys returns keys with a set in force.
func NewKeys(first *Keyset) *Keys {
	k := new(Keys)
	k.Replace(first)
	return k
}

// Replace puts another set in force.
func (k *Keys) Replace(next *Keyset) { k.current.Store(next) }

// Current returns the set in force; nil where there is none.
func (k *Keys) Current() *Keyset {
	if k == nil {
		return nil
	}
	return k.current.Load()
}

// seal returns Tink's text for data, which can be opened only together with the same words.
func (k *Keys) seal(data, with []byte) ([]byte, error) {
	set := k.Current()
	if set == nil {
		return nil, ErrNoKeys
	}
	return set.aead.Encrypt(data, with)
}

// open returns what seal was given.
func (k *Keys) open(text, with []byte) ([]byte, error) {
	id, ok := keyOf(text)
	if !ok {
		return nil, fmt.Errorf("%w: it is no text of Tink's", ErrForged)
	}
	set := k.Current()
	switch {
	case set == nil:
		return nil, fmt.Errorf("%w: %v: %w", ErrUnknownKey, id, ErrNoKeys)
	case !set.Has(id):
		return nil, fmt.Errorf("%w: %v", ErrUnknownKey, id)
	}
	data, err := set.aead.Decrypt(text, with)
	if err != nil {
		return nil, fmt.Errorf("%w: key %v has not sealed it, or not for this place", ErrForged, id)
	}
	return data, nil
}
