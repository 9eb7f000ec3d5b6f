package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/checkup"
	"buildrelay/relay/loopback"
)

// origins looks whether pages of any origin may connect.
func (k *checking) origins() checkup.Finding {
	var open []string
	for _, app := range k.list {
		if app.Origins == nil || slices.Contains(app.Origins, "*") {
			open = append(open, app.ID)
		}
	}
	if len(open) > 0 {
		return checkup.Noted("origins", "name the pages that may (RELAY_APP_ORIGINS, or origins in the apps file)",
			"pages of any origin may connect to the apps %q", open)
	}
	return checkup.OK("origins", "only pages of named origins may connect")
}

// webhooks looks whether others could read what webhooks tell.
func (k *checking) webhooks() checkup.Finding {
	var plain []string
	n := 0
	for _, app := range k.list {
		for _, hook := range app.Webhooks {
			n++
			if u, err := url.Parse(hook.URL); err == nil && u.Scheme != "https" && !loopback.IsHost(u.Hostname()) {
				plain = append(plain, fmt.Sprintf("that of app %q to %s", app.ID, u.Hostname()))
			}
		}
	}
	if len(plain) > 0 {
		return checkup.Failed("webhooks", "give URLs that begin with https", "webhooks go without TLS: %s", strings.Join(plain, ", "))
	}
	return checkup.OK("webhooks", "all %d go over TLS, or stay on this machine", n)
}

// retiring tells of keys that are being replaced. When they were used only a node knows.
func (k *checking) retiring() checkup.Finding {
	var all []string
	for _, app := range k.list {
		for _, key := range app.Keys {
			if key.State == auth.KeyRetiring {
				all = append(all, fmt.Sprintf("%q of app %q%s", key.Key, app.ID, k.lastUse(app.ID, key.Key)))
			}
		}
	}
	if len(all) > 0 {
		return checkup.Noted("secrets.retiring", "revoke each once nobody uses it any more (GET /keys at RELAY_METRICS_LISTEN tells)", "keys are retiring: %s", strings.Join(all, ", "))
	}
	return checkup.OK("secrets.retiring", "no key is being replaced")
}

// lastUse is when a key was used on this node, as what follows its name; "" for a command.
func (k *checking) lastUse(app, key string) string {
	if k.node == nil {
		return ""
	}
	var last time.Time
	for _, use := range k.apps.Uses.All() {
		for _, at := range use.Last {
			if use.App == app && use.Key == key && at.After(last) {
				last = at
			}
		}
	}
	if last.IsZero() {
		return " (not used on this node)"
	}
	return " (last used here at " + last.UTC().Format(time.RFC3339) + ")"
}
