package webhook

import (
	"buildrelay/auth"
	"buildrelay/protocol"
)

// targetKey names a webhook also after its other settings changed: it is the nth webhook of
// the app with this URL.
type targetKey struct {
	app, url string
	nth      int
}

// find returns the webhook as it is now, and nil if there is none.
func (k targetKey) find(apps *auth.Apps) (*auth.App, *auth.Webhook) {
	app, ok := apps.ByID(k.app)
	if !ok {
		return nil, nil
	}
	for key, hook := range hooksOf(app) {
		if key == k {
			return app, hook
		}
	}
	return nil, nil
}

// hooksOf yields the app's webhooks by their keys.
func hooksOf(app *auth.App) func(yield func(targetKey, *auth.Webhook) bool) {
	return func(yield func(targetKey, *auth.Webhook) bool) {
		seen := make(map[string]int)
		for i := range app.Webhooks {
			hook := &app.Webhooks[i]
			key := targetKey{app.ID, hook.URL, seen[hook.URL]}
			seen[hook.URL]++
			if !yield(key, hook) {
				return
			}
		}
	}
}

// wanting yields the webhooks that want o.
func wanting(apps *auth.Apps, o protocol.Occurrence) map[targetKey]*auth.Webhook {
	app, ok := apps.ByID(o.App)
	if !ok {
		return nil
	}
	found := make(map[targetKey]*auth.Webhook)
	for key, hook := range hooksOf(app) {
		if hook.Wants(o) {
			found[key] = hook
		}
	}
	return found
}
