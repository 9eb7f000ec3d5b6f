package main

import (
	"encoding/json"
	"net/http"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// keyStates tell the metrics of the apps' keys.
func (n *node) keyStates() []metrics.Key {
	uses := n.apps.Uses.All()
	all := make([]metrics.Key, len(uses))
	for i, use := range uses {
		all[i] = metrics.Key{
			App: use.App, Key: use.Key, State: use.State.String(), Since: use.Since, Used: use.LastUsed(), Refused: use.Refused,
		}
	}
	return all
}

// keyTold is a key as /keys tells it. Nothing of its secret is in it.
type keyTold struct {
	App      string                  `json:"app"`
	Key      string                  `json:"key"`
	State    string                  `json:"state"`
	Since    time.Time               `json:"since"`    // when the node found it in this state
	Rights   []auth.Right            `json:"rights"`   // never null
	Channels []string                `json:"channels"` // patterns
	LastUsed map[auth.Use]*time.Time `json:"last_used"`
	Refused  int64                   `json:"refused"`
}

// serveKeys serves /keys: what the apps' keys are, and when they were used on this node.
func (n *node) serveKeys(w http.ResponseWriter, _ *http.Request) {
	uses := n.apps.Uses.All()
	told := make([]keyTold, len(uses))
	for i, use := range uses {
		told[i] = tellKey(use)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": told}) // the client may be gone
}

func tellKey(use auth.KeyUse) keyTold {
	told := keyTold{
		App: use.App, Key: use.Key, State: use.State.String(), Since: use.Since.UTC(),
		Rights: use.Rights, Channels: use.Channels, LastUsed: make(map[auth.Use]*time.Time), Refused: use.Refused,
	}
	if told.Rights == nil {
		told.Rights = auth.Rights()
	}
	if told.Channels == nil {
		told.Channels = []string{"*"}
	}
	for _, as := range auth.AllUses() {
		told.LastUsed[as] = nil
		if at, ok := use.Last[as]; ok {
			at = at.UTC()
			told.LastUsed[as] = &at
		}
	}
	return told
}

// revokedKey is a key that is not taken any more.
type revokedKey struct{ app, key string }

// revokedKeys are those that were taken before and are not by the next apps: they are revoked,
// or are gone.
func revokedKeys(before *auth.Apps, next []auth.App) (revoked []revokedKey) {
	after := make(map[string]*auth.App)
	for i := range next {
		after[next[i].ID] = &next[i]
	}
	for id := range before.IDs() {
		app, _ := before.ByID(id)
		for _, key := range app.Keys {
			if _, stays := after[id].Key(key.Key); !stays && key.State != auth.KeyRevoked {
				revoked = append(revoked, revokedKey{id, key.Key})
			}
		}
	}
	return revoked
}

// noteRevoked tells of keys that are not taken any more.
func (n *node) noteRevoked(revoked []revokedKey) {
	for _, r := range revoked {
		n.log.Info("a key is revoked: who stands on it is asked to reconnect", "app", r.app, "key", r.key, "window", n.config.DrainWindow.String())
		n.audit.note(audit.ActionKeyRevoke, audit.KeyRevoke{App: r.app, Key: r.key})
	}
}
