package authorize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	strict "github.com/go-jose/go-jose/v4/json"
)

const (
	// keysKept is how long the issuer's keys are believed without asking again: so long may a
	// key that it withdrew still be good.
	keysKept = 5 * time.Minute
	// keysBelieved is how long they are believed while the issuer does not answer.
	keysBelieved = time.Hour
	// keysPause is the least time between two times that the issuer is asked, whatever keys
	// clients name.
	keysPause = 5 * time.Second
	// mostDocument is how long what the issuer answers may be.
	mostDocument = 256 << 10
	// mostKeys is how many keys it may have.
	mostKeys = 100
)

// issuerKeys are those of an issuer, asked for when they are needed. It is safe for concurrent use.
type issuerKeys struct {
	fetch func(context.Context) ([]jose.JSONWebKey, error)
	now   func() time.Time
	log   *slog.Logger
	turn  chan struct{} // who has a place asks the issuer

	mu   sync.Mutex
	held heldKeys
}

// heldKeys are those that are known; the slice is never changed.
type heldKeys struct {
	keys    []jose.JSONWebKey
	fetched time.Time // zero: never
	asked   time.Time // when the issuer was asked the last time
	err     error     // of that; nil where it answered
}

func (h heldKeys) that(fit func(*jose.JSONWebKey) bool) (found []jose.JSONWebKey) {
	for i := range h.keys {
		if fit(&h.keys[i]) {
			found = append(found, h.keys[i])
		}
	}
	return found
}

// find returns the keys that fit, one at least. It asks the issuer where none of those that are known
// does, and waits for that; old ones it renews. The error is [ErrDenied] where the issuer has none.
func (k *issuerKeys) find(ctx context.Context, fit func(*jose.JSONWebKey) bool) ([]jose.JSONWebKey, error) {
	begun := k.now()
	held := k.known()
	found := held.that(fit)
	if len(found) > 0 && begun.Sub(held.fetched) < keysKept {
		return found, nil
	}
	k.renew(ctx, len(found) == 0 || begun.Sub(held.fetched) >= keysBelieved)
	held = k.known()
	found = held.that(fit)
	switch {
	case held.fetched.IsZero() || begun.Sub(held.fetched) >= keysBelieved:
		return nil, fmt.Errorf("the issuer's keys are not known: %w", errors.Join(held.err, ctx.Err()))
	case len(found) > 0:
		return found, nil
	case !held.fetched.Before(begun):
		return nil, refuseToken("the issuer has no such key")
	case held.err != nil:
		return nil, fmt.Errorf("asking the issuer for a key that is not known: %w", held.err)
	default:
		return nil, &refusal{http.StatusServiceUnavailable, outcomeBusy, "the key of your token is not known, and the issuer was asked just now: try again"}
	}
}

func (k *issuerKeys) known() heldKeys {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held
}

// renew asks the issuer, unless that was just done. While another does it waits for that, or does
// nothing.
func (k *issuerKeys) renew(ctx context.Context, wait bool) {
	select {
	case k.turn <- struct{}{}:
	default:
		if !wait {
			return
		}
		select {
		case k.turn <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
	defer func() { <-k.turn }()
	asked := k.now()
	if before := k.known(); asked.Sub(before.asked) < keysPause {
		return
	}
	keys, err := k.fetch(ctx)
	k.hold(asked, keys, err)
}

// hold keeps what the issuer answered. Where it did not, what it did before remains.
func (k *issuerKeys) hold(asked time.Time, keys []jose.JSONWebKey, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil && k.held.err == nil && !k.held.fetched.IsZero() {
		k.log.Warn("the issuer's keys cannot be renewed: those of before are believed for an hour", "error", err)
	}
	k.held.asked, k.held.err = asked, err
	if err == nil {
		k.held.keys, k.held.fetched = keys, asked
	}
}

// fetchKeys asks the issuer where its keys are, and for them. The issuer itself must say that it is
// the one that is meant.
func (o *OIDC) fetchKeys(ctx context.Context) ([]jose.JSONWebKey, error) {
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := o.get(ctx, strings.TrimSuffix(o.tokens.Issuer, "/")+"/.well-known/openid-configuration", &about); err != nil {
		return nil, fmt.Errorf("reading what the issuer says of itself: %w", err)
	}
	if about.Issuer != o.tokens.Issuer {
		return nil, fmt.Errorf("the issuer calls itself %.200q, which is not the address by which it was asked", about.Issuer)
	}
	address, err := keysAddress(o.tokens.Issuer, about.Keys)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := o.get(ctx, address, &set); err != nil {
		return nil, fmt.Errorf("reading the issuer's keys: %w", err)
	}
	return parseKeys(set.Keys)
}

// parseKeys leaves out those keys that it cannot read, or that sign no tokens (RFC 7517, 5).
func parseKeys(all []json.RawMessage) ([]jose.JSONWebKey, error) {
	if len(all) > mostKeys {
		return nil, fmt.Errorf("the issuer has more than %d keys", mostKeys)
	}
	var keys []jose.JSONWebKey
	for _, text := range all {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) == nil {
			keys = append(keys, key)
		}
	}
	if keys = usable(keys); len(keys) == 0 {
		return nil, errors.New("the issuer has no key that signs tokens")
	}
	return keys, nil
}

// get reads a JSON document of the issuer's.
func (o *OIDC) get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return withoutURL(err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "buildrelay")
	body, err := o.send(request, mostDocument, func(response *http.Response) error {
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("the answer has status %d", response.StatusCode)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := strict.Unmarshal(body, into); err != nil {
		return errors.New("the answer is not the JSON that it must be")
	}
	return nil
}
