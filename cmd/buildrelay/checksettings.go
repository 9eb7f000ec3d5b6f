package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/checkup"
)

const readConfig = "docs/CONFIG.md says what is allowed"

// lookAtSettings finds out whether a node would start with these settings. What their kind is
// needed for is not looked at where it would not.
func (k *checking) lookAtSettings(context.Context) (found []checkup.Finding) {
	if k.node != nil {
		return []checkup.Finding{checkup.OK("settings", "the node has started with them")}
	}
	if k.builtIn {
		k.bad["redis"] = true
		found = append(found, checkup.Noted("redis", "set RELAY_REDIS_URL", "no Redis is named: a node brings its own, serves alone, and keeps nothing"))
	}
	for _, one := range k.config.checks() {
		if one.kind == knownSecretsKind || k.keysErr != nil && one.kind == "apps" || k.builtIn && one.kind == "redis" {
			continue // that is told elsewhere
		}
		if err := one.check(); err != nil {
			k.bad[one.kind] = true
			found = append(found, checkup.Failed("settings."+one.kind, readConfig, "%v", err))
		}
	}
	k.bad["redis"] = k.bad["redis"] || k.bad["apps"] // in whose names it is asked
	if !slices.ContainsFunc(found, func(f checkup.Finding) bool { return f.Grade == checkup.Fail }) {
		found = append(found, checkup.OK("settings", "they are valid"))
	}
	return found
}

// lookAtUnknown looks for settings that are misspelt, and for one that gives something up for
// nothing.
func (k *checking) lookAtUnknown(context.Context) []checkup.Finding {
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(k.environ)) {
		if short, _ := strings.CutPrefix(name, prefix); !isServiceLink(short, k.environ[name]) {
			environ = append(environ, name+"=")
		}
	}
	f := checkup.OK("settings.unknown", "no variable looks like a setting and is none")
	if unknown := unknownSettings(environ); len(unknown) > 0 {
		f = checkup.Failed("settings.unknown", "mend the name, or unset it", "no settings, and without effect: %s", strings.Join(unknown, ", "))
	}
	return []checkup.Finding{f}
}

// lookAtApps reads the apps, and looks at what is set for them.
func (k *checking) lookAtApps(context.Context) []checkup.Finding {
	if k.node != nil {
		k.list = k.apps.inOrder()
	} else if err := k.loadApps(); err != nil {
		k.bad["apps"], k.bad["redis"] = true, true
		return []checkup.Finding{checkup.Failed("settings.apps", readConfig, "%v", err)}
	}
	return []checkup.Finding{k.origins(), k.webhooks(), k.retiring()}
}

// loadApps reads the apps as serve does.
func (k *checking) loadApps() error {
	c := &k.config
	var err error
	if c.AppsFile != "" {
		k.list, err = appsfile.Read(c.AppsFile, c.reveal)
	} else {
		var app auth.App
		app, err = c.settingsApp()
		k.list = []auth.App{app}
	}
	if err == nil {
		err = errors.Join(c.checkSealing(k.list), c.checkAuthApp(k.list))
	}
	if err != nil {
		return err
	}
	logs := c.AppsFile != "" || len(k.list[0].Logs) > 0
	k.apps, err = newApps(k.list, logs)
	return err
}
