package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"buildrelay/protocol"
)

// keyHeader names a call, so that it can be tried again: the same call with the same key
// publishes once.
const keyHeader = "Idempotency-Key"

const maxKey = 128 // characters

// readKey returns the Idempotency-Key of a call, "" where it has none.
func readKey(h http.Header) (string, error) {
	keys := h.Values(keyHeader)
	if len(keys) == 0 {
		return "", nil
	}
	key := keys[0]
	printable := !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
	if len(keys) > 1 || key == "" || len(key) > maxKey || !printable {
		return "", badRequest("%s must be 1 to %d printable ASCII characters, given once", keyHeader, maxKey)
	}
	return key, nil
}

// nameEvents gives the events of a publication the name that they have by the call's
// Idempotency-Key, unless the publisher gave them a name. index is that of the
// publication in its batch.
func (c *call) nameEvents(events []protocol.Event, index int) {
	if c.key == "" {
		return
	}
	for i := range events {
		if events[i].ID == "" {
			events[i].ID = c.key + ":" + strconv.Itoa(index)
		}
	}
}

// claim refuses a call whose Idempotency-Key is that of a call that said something else.
func (a *API) claim(ctx context.Context, c *call) error {
	if c.key == "" {
		return nil
	}
	same, err := a.Publisher.Claim(ctx, c.app.ID, c.claimed(), c.digest())
	if err != nil {
		return err
	}
	if !same {
		return &failure{status: http.StatusConflict, message: "this " + keyHeader + " was given to another call"}
	}
	return nil
}

// claimed is what the call claims: who may publish to some channels only can neither take the
// keys of others' calls, nor find out which there are.
func (c *call) claimed() string {
	if c.signer.Channels == nil {
		return c.key
	}
	return c.signer.Key + " " + c.key
}

// digest stands for all that the call says. Its signature is not part of that: a call
// that is tried again is signed anew.
func (c *call) digest() string {
	said := url.Values{}
	for name, values := range c.query {
		if name != "body_md5" && !strings.HasPrefix(name, "auth_") {
			said[name] = values
		}
	}
	digest := sha256.New()
	for _, part := range []string{c.path, said.Encode(), string(c.body)} {
		digest.Write([]byte(strconv.Itoa(len(part)) + " " + part))
	}
	return hex.EncodeToString(digest.Sum(nil))
}
