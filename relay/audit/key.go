package audit

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

const keySize = 32

// Key chains records and signs heads. It shows itself nowhere but by Text. The zero value is
// no key.
type Key struct {
	mac  []byte
	sign ed25519.PrivateKey
	text string
	id   string
}

// NewKey returns a random key.
func NewKey() (Key, error) {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret) // never fails
	return deriveKey(secret)
}

// ParseKey reads what Text wrote: 64 hex digits. Its error shows nothing of them.
func ParseKey(text string) (Key, error) {
	secret, err := hex.DecodeString(text)
	if err != nil || len(secret) != keySize {
		return Key{}, errors.New("a key of the audit trail is 64 hex digits")
	}
	return deriveKey(secret)
}

// deriveKey makes keys for two purposes of one secret, so that neither tells of the other.
func deriveKey(secret []byte) (Key, error) {
	mac, err := hkdf.Key(sha256.New, secret, nil, "buildrelay audit chain", sha256.Size)
	if err != nil {
		return Key{}, fmt.Errorf("deriving the chain's key: %w", err)
	}
	seed, err := hkdf.Key(sha256.New, secret, nil, "buildrelay audit head", ed25519.SeedSize)
	if err != nil {
		return Key{}, fmt.Errorf("deriving the heads' key: %w", err)
	}
	sign := ed25519.NewKeyFromSeed(seed)
	id := sha256.Sum256(sign[ed25519.SeedSize:]) // of the public half
	return Key{mac: mac, sign: sign, text: hex.EncodeToString(secret), id: hex.EncodeToString(id[:4])}, nil
}

// Text is the secret, for the file that keeps it.
func (k Key) Text() string { return k.text }

// ID tells keys apart and may be shown: 8 hex digits.
func (k Key) ID() string { return k.id }

// String returns a placeholder.
func (k Key) String() string { return "[audit key " + k.id + "]" }

// Format writes a placeholder, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText returns a placeholder.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
