package seal_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/seal"
)

func TestASealedSecretStandsForTheSecret(t *testing.T) {
	t.Parallel()
	k := newKeys()
	const secret auth.Secret = "redis://u:hunter2@h"
	text := must(k.SealSecret(secret))
	if !seal.IsSealedSecret(text) || !regexp.MustCompile(`^sealed:[\w-]+$`).MatchString(text) {
		t.Errorf("it is sealed as %q, which needs quotes somewhere", text)
	}
	for _, opened := range []func(string) (auth.Secret, error){k.OpenSecret, k.Reveal} {
		if got, err := opened(text); err != nil || string(got) != string(secret) {
			t.Errorf("opened as another: %v", err)
		}
	}
	if got, err := k.Reveal(string(secret)); err != nil || string(got) != string(secret) {
		t.Errorf("what is not sealed is not as it was: %v", err)
	}
	if key, ok := seal.SecretKey(text); !ok || key != k.Current().Seals() {
		t.Errorf("its key is %v, %v", key, ok)
	}
	if _, ok := seal.SecretKey(string(secret)); ok {
		t.Error("what is not sealed has a key")
	}
}

func TestWhatIsNoSealedSecretIsRefusedAndDoesNotShow(t *testing.T) {
	t.Parallel()
	k := newKeys()
	text := must(k.SealSecret("hunter2"))
	entry := strings.Split(must(k.SealEntry(app, channel, event, id, "hunter2")), ":")[3]
	var none *seal.Keys
	for _, c := range []struct {
		keys *seal.Keys
		text string
		is   error
	}{
		{k, "hunter2", seal.ErrNotSealed},
		{k, "sealed:", seal.ErrForged},
		{k, "sealed:hunter2", seal.ErrForged},
		{k, "sealed:hunter2!", seal.ErrForged},
		{k, text[:len(text)-4], seal.ErrForged},
		{k, "sealed:" + entry, seal.ErrForged},
		{k, must(newKeys().SealSecret("hunter2")), seal.ErrUnknownKey},
		{none, text, seal.ErrNoKeys},
	} {
		got, err := c.keys.OpenSecret(c.text)
		if !errors.Is(err, c.is) || got != "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.30q: %v, want %v", c.text, err, c.is)
		}
	}
	for _, secret := range []auth.Secret{"", auth.Secret(text)} {
		if text, err := k.SealSecret(secret); err == nil {
			t.Errorf("sealed as %q", text)
		}
	}
}
