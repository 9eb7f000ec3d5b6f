package appsfile

import (
	"bytes"
	"errors"
	"strings"

	"buildrelay/auth"
)

// Opener returns the secret that a text in the place of a secret stands for: itself, or what
// is sealed in it. Its error does not hold the text. nil takes all as they are.
type Opener func(text string) (auth.Secret, error)

// Secrets are where the secrets of an apps file come from.
type Secrets struct {
	// ReadFile reads a file that holds a secret, by the path that the apps file has for it.
	ReadFile func(path string) ([]byte, error)
	Open     Opener
}

// open returns the secret that a text stands for.
func (r *reader) open(text string) (auth.Secret, error) {
	if r.secrets.Open == nil {
		return auth.Secret(text), nil
	}
	secret, err := r.secrets.Open(text)
	if err != nil {
		return "", closed{err}
	}
	return secret, nil
}

// closed says that a sealed secret could not be opened.
type closed struct{ error }

func (e closed) Error() string { return "cannot be opened: " + e.error.Error() }
func (e closed) Unwrap() error { return e.error }

// secret reads a secret, sealed or not.
func (r *reader) secret(to *auth.Secret) func(string) error {
	return func(text string) (err error) {
		if *to, err = r.open(text); err != nil {
			return err
		}
		if !isSecret(string(*to)) {
			return errors.New("must not be empty, nor longer than 4096 bytes, nor have spaces or line ends around it")
		}
		return nil
	}
}

func isSecret(text string) bool {
	return text != "" && len(text) <= 4096 && strings.TrimSpace(text) == text
}

// secretFile reads a file that holds a secret, sealed or not, without the line end that files have.
func (r *reader) secretFile(path string, to *auth.Secret) error {
	text, err := r.secrets.ReadFile(path)
	if err != nil {
		return unreadable{err}
	}
	if *to, err = r.open(string(bytes.TrimSpace(text))); err != nil {
		return err
	}
	if !isSecret(string(*to)) {
		return errors.New("must name a file that holds a secret of 1 to 4096 bytes")
	}
	return nil
}

// unreadable says that a file could not be read.
type unreadable struct{ error }

func (e unreadable) Error() string { return "cannot be read: " + e.error.Error() }
func (e unreadable) Unwrap() error { return e.error }
