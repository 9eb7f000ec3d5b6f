package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
)

// apps are those that a command deals with.
type apps struct {
	*auth.Apps
	first string // the id of the first in the apps file, or of the only one
	logs  bool   // whether there may be log channels
	// replicas is the most that a log rule asks for.
	replicas int
}

func newApps(list []auth.App, logs bool) (apps, error) {
	all, err := auth.NewApps(list...)
	if err != nil {
		return apps{}, fmt.Errorf("RELAY_APP_ID, RELAY_APP_KEY or RELAY_APP_SECRET: %w", err)
	}
	all.Uses.Keep(list, time.Now())
	return apps{all, list[0].ID, logs, mostReplicas(list)}, nil
}

// inOrder are the apps as they are now: the first is first, the others by their ids.
func (a apps) inOrder() (list []auth.App) {
	for i, id := range append([]string{a.first}, slices.Sorted(a.IDs())...) {
		if app, ok := a.ByID(id); ok && (i == 0 || id != a.first) {
			list = append(list, *app)
		}
	}
	return list
}

func mostReplicas(list []auth.App) (most int) {
	for _, app := range list {
		for _, rule := range app.Logs {
			most = max(most, rule.Replicas)
		}
	}
	return most
}

// settingsApp returns the one app that the settings describe. The error names everything
// that is wrong.
func (c *Config) settingsApp() (auth.App, error) {
	limits := protocol.DefaultLimits()
	limits.Members, limits.ClientEvents = c.AppMaxMembers, c.AppMaxClientEvents
	app := auth.App{
		ID:                   c.AppID,
		Keys:                 []auth.Key{{Key: c.AppKey, Secret: c.AppSecret}},
		Disabled:             !c.AppEnabled,
		MaxConnections:       c.AppMaxConnections,
		Limits:               limits,
		Logs:                 protocol.LogRules(c.LogRules),
		ClientEvents:         c.AppClientEvents,
		SubscriptionCounts:   c.AppSubscriptionCounts,
		SubscriptionErrors:   c.AppSubscriptionErrors,
		Watchlists:           c.AppWatchlists,
		AuthorizationTimeout: c.AppAuthorizationTimeout,
		CacheTTL:             c.AppCacheTTL,
		Seal:                 c.AppSeal,
		Masks:                protocol.MaskRules(c.MaskRules),
	}
	var origins, webhooks error
	app.Origins, origins = appsfile.ParseOrigins(c.AppOrigins)
	app.Webhooks, webhooks = appsfile.ParseWebhooks(string(c.AppWebhooks), c.reveal)
	return app, errors.Join(
		wrong("APP_ORIGINS", origins), wrong("APP_LIMITS", appsfile.ParseLimits(c.AppLimits, &app)), wrong("APP_WEBHOOKS", webhooks),
	)
}

// wrong names the setting that an error is about; nil stays nil.
func wrong(setting string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s%s: %w", prefix, setting, err)
}

// servedApps returns the apps of a node, and their file's watch; nil where they come from
// the settings.
func (c *Config) servedApps(watch appsfile.Watch) (apps, *appsfile.Watch, error) {
	if c.AppsFile == "" {
		app, err := c.settingsApp()
		if err != nil {
			return apps{}, nil, err
		}
		watch.Metrics.Apps.Set(1)
		watch.Metrics.AppsGood.Set(1)
		if err := errors.Join(c.checkSealing([]auth.App{app}), c.checkAuthApp([]auth.App{app})); err != nil {
			return apps{}, nil, err
		}
		warnOfSecrets([]auth.App{app}, watch.Log)
		all, err := newApps([]auth.App{app}, len(app.Logs) > 0)
		return all, nil, err
	}
	if err := c.checkOnlyAppsFile(); err != nil {
		return apps{}, nil, err
	}
	watch.Path, watch.Open = c.AppsFile, c.reveal
	list, err := watch.Load()
	if err != nil {
		return apps{}, nil, wrong("APPS_FILE", err)
	}
	if err := errors.Join(c.checkSecrets(list), wrong("APPS_FILE", c.checkSealing(list)), c.checkAuthApp(list)); err != nil {
		return apps{}, nil, err
	}
	warnOfSecrets(list, watch.Log)
	all, err := newApps(list, true)
	return all, &watch, err
}

// backendApps returns the apps as a backend knows them, and that for which it publishes or
// reads; [auth.App.SigningKey] is the key to sign with. Without a file it may have no key: it has
// one that nobody knows then, as a backend that publishes through Redis needs none.
func (c *Config) backendApps() (apps, auth.App, error) {
	if c.AppsFile != "" {
		return c.backendAppsOfFile()
	}
	app, err := c.settingsApp()
	if err != nil {
		return apps{}, app, err
	}
	if app.ID == "" {
		return apps{}, app, errors.New("RELAY_APP_ID is not set: it says which app to publish for (or set RELAY_APPS_FILE)")
	}
	known := app
	if c.AppKey == "" || c.AppSecret == "" {
		known.Keys = []auth.Key{{Key: rand.Text(), Secret: auth.Secret(rand.Text())}}
	}
	all, err := newApps([]auth.App{known}, len(app.Logs) > 0)
	return all, app, err
}

func (c *Config) backendAppsOfFile() (apps, auth.App, error) {
	list, err := appsfile.Read(c.AppsFile, c.reveal)
	if err != nil {
		return apps{}, auth.App{}, wrong("APPS_FILE", err)
	}
	at := slices.IndexFunc(list, func(app auth.App) bool { return c.AppID == "" || app.ID == c.AppID })
	if at < 0 {
		return apps{}, auth.App{}, fmt.Errorf("RELAY_APP_ID is %q: RELAY_APPS_FILE has no such app (unset it for the first)", c.AppID)
	}
	app := list[at]
	if c.AppKey != "" && c.AppSecret != "" {
		app.Keys = []auth.Key{{Key: c.AppKey, Secret: c.AppSecret}}
	}
	all, err := newApps(list, true)
	return all, app, err
}

// signingApp is that of a backend which signs, whatever it signs.
func (c *Config) signingApp() (auth.App, error) {
	if c.AppsFile == "" {
		if err := c.checkApp(); err != nil {
			return auth.App{}, err
		}
	}
	_, app, err := c.backendApps()
	return app, err
}

// checkOnlyAppsFile refuses settings for one app beside the file. One that is set to its
// default does no harm.
func (c *Config) checkOnlyAppsFile() error {
	defaults, err := loadConfig(nil)
	if err != nil {
		return err
	}
	if beside := c.ofOneApp(&defaults); len(beside) > 0 {
		return fmt.Errorf("RELAY_APPS_FILE says all about the apps: unset %s", strings.Join(beside, ", "))
	}
	return nil
}

// changedApps are the ids of those that are new, gone or have other settings.
func changedApps(before *auth.Apps, next []auth.App) []string {
	var changed []string
	stay := make(map[string]bool)
	for _, app := range next {
		stay[app.ID] = true
		if old, ok := before.ByID(app.ID); !ok || !reflect.DeepEqual(*old, app) {
			changed = append(changed, app.ID)
		}
	}
	for id := range before.IDs() {
		if !stay[id] {
			changed = append(changed, id)
		}
	}
	slices.Sort(changed)
	return changed
}
