package relaytest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Canaries are the secrets of a run, and what could be read of it where. Its methods are safe
// for concurrent use.
type Canaries struct {
	mu      sync.Mutex
	secrets map[string]string   // by what they are
	fine    map[string][]string // where a secret belongs, by what it is
	places  map[string]*strings.Builder
}

// NewCanaries returns those of a run that has none yet.
func NewCanaries() *Canaries {
	return &Canaries{secrets: make(map[string]string), fine: make(map[string][]string), places: make(map[string]*strings.Builder)}
}

// Make is a new secret, which may be found in the places where it belongs alone. It has
// characters that URLs and pages write otherwise.
func (c *Canaries) Make(what string, fine ...string) string {
	return c.Add(what, "Canary/"+what+"+"+rand.Text()[:20], fine...)
}

// Add is Make with a secret that there is.
func (c *Canaries) Add(what, text string, fine ...string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[what], c.fine[what] = text, fine
	return text
}

// Of is the secret that is this.
func (c *Canaries) Of(what string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.secrets[what]
}

// Saw adds to what can be read in a place.
func (c *Canaries) Saw(place string, texts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places[place] == nil {
		c.places[place] = new(strings.Builder)
	}
	for _, text := range texts {
		c.places[place].WriteString(text + "\n")
	}
}

// Found is a secret in a place where it does not belong, in some form.
type Found struct{ What, Place, Form string }

// Find looks for every secret in every place where it does not belong.
func (c *Canaries) Find() (all []Found) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for what, secret := range c.secrets {
		for place, text := range c.places {
			if slices.Contains(c.fine[what], place) {
				continue
			}
			for form, is := range formsOf(secret) {
				if strings.Contains(text.String(), is) {
					all = append(all, Found{what, place, form})
				}
			}
		}
	}
	return all
}

// formsOf is how a secret may be written.
func formsOf(secret string) map[string]string {
	forms := map[string]string{
		"plain": secret, "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "HTML": strings.ReplaceAll(secret, "+", "&#43;"),
		"JSON": strings.ReplaceAll(secret, "/", `\/`), "unicode": strings.ReplaceAll(secret, "+", `\u002b`),
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for before := range 3 { // bytes of something else in front, in the same group of three
			all := encoding.EncodeToString([]byte(strings.Repeat("x", before) + secret))
			whole := (before + len(secret)) / 3 * 4
			forms[name+" after "+strings.Repeat("x", before)] = all[min(before, 1)*4 : whole]
		}
	}
	return forms
}

// Seen is how much was seen in each place, in bytes.
func (c *Canaries) Seen() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := make(map[string]int)
	for place, text := range c.places {
		seen[place] = text.Len()
	}
	return seen
}
