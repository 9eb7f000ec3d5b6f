package auth

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"buildrelay/protocol"
)

// Webhook is where an app's backend wants to be told what becomes of its channels
// (protocol.md 5).
type Webhook struct {
	URL string
	// Events are the names of those that are told, of [protocol.Hooks]; nil means all.
	Events []string
	// Prefix and Suffix are those of the channels' names; "" means any.
	Prefix, Suffix string
	// Headers are sent along. They may hold secrets of the receiver.
	Headers map[string]Secret
	// Batch is for how long events are collected for one request; 0 means that each event
	// has its own.
	Batch time.Duration
}

// Wants says whether the webhook is told of o.
func (w *Webhook) Wants(o protocol.Occurrence) bool {
	return w.WantsEvent(o.Kind) && strings.HasPrefix(o.Channel, w.Prefix) && strings.HasSuffix(o.Channel, w.Suffix)
}

// WantsEvent says whether the webhook may be told of events with this name, one of
// [protocol.Hooks].
func (w *Webhook) WantsEvent(name string) bool {
	return w.Events == nil || slices.Contains(w.Events, name)
}

// SignWebhook returns the headers X-Pusher-Key and X-Pusher-Signature for a webhook's
// body: the app's signing key, and the signature by its secret.
func (a *App) SignWebhook(body []byte) (key, signature string) {
	k := a.SigningKey()
	return k.Key, hex.EncodeToString(sum(k.Secret, string(body)))
}
