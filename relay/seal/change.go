package seal

import (
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// New makes a set of one key, which seals.
func New() (*Keyset, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	return fromHandle(handle)
}

// Add returns the set with a new key, which only opens: so it can be given to all nodes before
// anything is sealed with it.
func (k *Keyset) Add() (*Keyset, error) {
	if len(k.ids) >= mostKeys {
		return nil, fmt.Errorf("there are %d keys, no more are possible: retire some", len(k.ids))
	}
	return k.change(func(m *keyset.Manager) error {
		_, err := m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
}

// Rotate returns the set with its newest key as the one that seals. Where that is so already
// a new key is added.
func (k *Keyset) Rotate() (*Keyset, error) {
	newest := k.ids[len(k.ids)-1]
	if newest == k.seals {
		added, err := k.Add()
		if err != nil {
			return nil, err
		}
		return added.Rotate()
	}
	return k.change(func(m *keyset.Manager) error { return m.SetPrimary(uint32(newest)) })
}

// Retire returns the set without a key: what is sealed with it can never be opened again.
func (k *Keyset) Retire(id KeyID) (*Keyset, error) {
	switch {
	case !k.Has(id):
		return nil, fmt.Errorf("there is no key %v", id)
	case id == k.seals:
		return nil, fmt.Errorf("key %v is the one that seals: rotate first", id)
	}
	return k.change(func(m *keyset.Manager) error { return m.Delete(uint32(id)) })
}

// mayBecome says why a process that seals with the set cannot go over to the next one at once.
// Where the key that seals is not there any more the process has missed the set between, and would
// lose what it sealed until now, or the next set is an older one.
func (k *Keyset) mayBecome(next *Keyset) error {
	if next.Has(k.seals) {
		return nil
	}
	return fmt.Errorf("key %v is gone, which seals until now: give a set in which it opens still, and retire it later. A process that starts anew takes this one, and cannot open what that key has sealed", k.seals)
}

func (k *Keyset) change(do func(*keyset.Manager) error) (*Keyset, error) {
	m := keyset.NewManagerFromHandle(k.handle)
	if err := do(m); err != nil {
		return nil, err
	}
	handle, err := m.Handle()
	if err != nil {
		return nil, err
	}
	return fromHandle(handle)
}
