package seal

import (
	"errors"
	"fmt"
	"strings"

	"buildrelay/auth"
)

const (
	sealedSecret = "sealed:"
	secretWords  = "buildrelay secret 1"
)

// IsSealedSecret says whether a secret is the text of a sealed one.
func IsSealedSecret(text string) bool { return strings.HasPrefix(text, sealedSecret) }

// SealSecret returns the text that may stand wherever the secret could: in a setting, in the
// apps file, or in a file that holds a secret.
func (k *Keys) SealSecret(secret auth.Secret) (string, error) {
	if secret == "" || IsSealedSecret(string(secret)) {
		return "", errors.New("sealing a secret: it is empty, or sealed already")
	}
	sealed, err := k.seal([]byte(secret), []byte(secretWords))
	if err != nil {
		return "", fmt.Errorf("sealing a secret: %w", err)
	}
	return sealedSecret + encoding().EncodeToString(sealed), nil
}

// OpenSecret returns the secret that SealSecret was given. The error wraps what OpenEntry's
// does, and holds nothing of the text.
func (k *Keys) OpenSecret(text string) (auth.Secret, error) {
	sealed, err := splitSecret(text)
	if err != nil {
		return "", fmt.Errorf("opening a sealed secret: %w", err)
	}
	secret, err := k.open(sealed, []byte(secretWords))
	if err != nil {
		return "", fmt.Errorf("opening a sealed secret: %w", err)
	}
	return auth.Secret(secret), nil
}

// SecretKey returns the key that a secret is sealed with; ok is false where it is not sealed.
func SecretKey(text string) (id KeyID, ok bool) {
	sealed, err := splitSecret(text)
	if err != nil {
		return 0, false
	}
	return keyOf(sealed)
}

func splitSecret(text string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, sealedSecret)
	if !ok {
		return nil, ErrNotSealed
	}
	sealed, ok := decode(rest)
	if !ok {
		return nil, fmt.Errorf("%w: it is no base64url", ErrForged)
	}
	return sealed, nil
}

// Reveal returns the secret that a text in the place of a secret stands for: itself, or what
// is sealed in it.
func (k *Keys) Reveal(text string) (auth.Secret, error) {
	if !IsSealedSecret(text) {
		return auth.Secret(text), nil
	}
	return k.OpenSecret(text)
}
