package auth

import (
	"crypto/subtle"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"buildrelay/protocol"
)

// App is one tenant.
type App struct {
	ID             string
	Keys           []Key // more than one while a key is replaced, or where some may do less
	Disabled       bool
	MaxConnections int             // on one node; 0 means no limit
	Limits         protocol.Limits // the zero value means [protocol.DefaultLimits]
	Logs           protocol.LogRules
	Origins        Origins
	Webhooks       []Webhook

	// ClientEvents lets clients send events to each other, SubscriptionCounts tells them
	// how many they are, and Watchlists which of the users they name are online.
	ClientEvents, SubscriptionCounts, Watchlists bool
	// SubscriptionErrors tells a refused subscription by pusher:subscription_error, too,
	// as soketi does.
	SubscriptionErrors bool
	// AuthorizationTimeout is how long a connection may neither sign in nor subscribe to
	// a channel that wants a signature; 0 means for ever.
	AuthorizationTimeout time.Duration
	// CacheTTL is how long a cache channel's last event is kept; 0 means
	// [protocol.DefaultCacheTTL].
	CacheTTL time.Duration
	// Seal is whether the entries of its logs are sealed.
	Seal Seal
	// Masks say how its events are masked.
	Masks protocol.MaskRules
}

// TellsRoll reports whether the readers of a channel are told of changes of its roll: of
// its members, of its user's sign-ins, or of the number of its subscriptions. Clients
// would try to decrypt the latter on an encrypted channel.
func (a *App) TellsRoll(channel string) bool {
	kind := protocol.KindOf(channel)
	return kind.Presence() || kind == protocol.User || a.SubscriptionCounts && !kind.Encrypted()
}

// findKey returns the app's key called name, in whatever state; nil where there is none. The
// time it takes does not tell which key came close. A nil app has no keys.
func (a *App) findKey(name string) (found *Key) {
	if a == nil {
		return nil
	}
	for i := range a.Keys {
		if subtle.ConstantTimeCompare([]byte(a.Keys[i].Key), []byte(name)) == 1 {
			found = &a.Keys[i]
		}
	}
	return found
}

// Apps are the apps in force. They are safe for concurrent use, and each of them is
// immutable: [Apps.Replace] puts others in their place.
type Apps struct {
	set atomic.Pointer[appSet]
	// Uses is when their keys were used.
	Uses Uses
}

type appSet struct {
	byID  map[string]*App
	byKey map[string]*App
}

// NewApps returns the given apps, which [Apps.Replace] takes, too.
func NewApps(apps ...App) (*Apps, error) {
	a := new(Apps)
	return a, a.Replace(apps...)
}

// Replace replaces all apps, or none after an error. Every app needs an id and a key, which
// is active and not limited unless the app is disabled, every key a secret, and no two apps
// may share an id or a key.
func (a *Apps) Replace(apps ...App) error {
	set := &appSet{byID: map[string]*App{}, byKey: map[string]*App{}}
	for _, app := range apps {
		if err := set.add(app); err != nil {
			return err
		}
	}
	a.set.Store(set)
	return nil
}

func (s *appSet) add(app App) error {
	if !validID(app.ID) {
		return fmt.Errorf("app id %q: it must be made of letters, digits, - and _", app.ID)
	}
	if s.byID[app.ID] != nil {
		return fmt.Errorf("app %q is configured twice", app.ID)
	}
	if len(app.Keys) == 0 {
		return fmt.Errorf("app %q has no key", app.ID)
	}
	if !app.Disabled && !app.CanSign() {
		return fmt.Errorf("app %q has no active key with all rights and for all channels, which signs", app.ID)
	}
	if app.Limits == (protocol.Limits{}) {
		app.Limits = protocol.DefaultLimits()
	}
	s.byID[app.ID] = &app
	for _, k := range app.Keys {
		if k.Key == "" || k.Secret == "" {
			return fmt.Errorf("app %q has an empty key or secret", app.ID)
		}
		if s.byKey[k.Key] != nil {
			return fmt.Errorf("key %q of app %q is configured twice", k.Key, app.ID)
		}
		s.byKey[k.Key] = &app
	}
	return nil
}

// validID says whether id can stand in a path and in the name of a Redis channel.
func validID(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// ByKey returns the app with this key, be it revoked: [App.Key] and [App.CheckConnect] know.
func (a *Apps) ByKey(key string) (*App, bool) {
	app, ok := a.set.Load().byKey[key]
	return app, ok
}

// ByID returns the app with this id.
func (a *Apps) ByID(id string) (*App, bool) {
	app, ok := a.set.Load().byID[id]
	return app, ok
}

// LogRule returns the rule that makes a channel of an app a log channel; nil for a live
// one.
func (a *Apps) LogRule(appID, channel string) *protocol.LogRule {
	app, ok := a.ByID(appID)
	if !ok {
		return nil
	}
	return app.Logs.Find(channel)
}

// MaskRules returns how the events of an app are masked. They must not be changed.
func (a *Apps) MaskRules(appID string) protocol.MaskRules {
	app, ok := a.ByID(appID)
	if !ok {
		return nil
	}
	return app.Masks
}

// TellsRoll is [App.TellsRoll] of the app with this id.
func (a *Apps) TellsRoll(appID, channel string) bool {
	app, ok := a.ByID(appID)
	return ok && app.TellsRoll(channel)
}

// CacheTTL returns how long the last event of a cache channel of an app is kept; 0 means
// [protocol.DefaultCacheTTL].
func (a *Apps) CacheTTL(appID string) time.Duration {
	if app, ok := a.ByID(appID); ok {
		return app.CacheTTL
	}
	return 0
}

// WantsHook says whether a webhook of the app is told events of this name, one of
// [protocol.Hooks].
func (a *Apps) WantsHook(appID, name string) bool {
	app, ok := a.ByID(appID)
	return ok && (name != protocol.HookCount || app.SubscriptionCounts) &&
		slices.ContainsFunc(app.Webhooks, func(w Webhook) bool { return w.WantsEvent(name) })
}

// HaveHooks says whether any app has a webhook.
func (a *Apps) HaveHooks() bool {
	for _, app := range a.set.Load().byID {
		if len(app.Webhooks) > 0 {
			return true
		}
	}
	return false
}

// IDs are the ids of all apps, in no order.
func (a *Apps) IDs() iter.Seq[string] { return maps.Keys(a.set.Load().byID) }

// Len is how many apps there are.
func (a *Apps) Len() int { return len(a.set.Load().byID) }
