package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"buildrelay/auth"
	"buildrelay/relay/checkup"
	"buildrelay/relay/seal"
	"buildrelay/relay/wholefile"
)

// lookAtSecrets finds out whether secrets could be guessed.
func (k *checking) lookAtSecrets(context.Context) []checkup.Finding {
	var all []checkup.Secret
	add := func(what string, s auth.Secret, least int) { // a shorter one is told by the checks of settings
		if len(s) >= max(least, 1) {
			all = append(all, checkup.Secret{What: what, Length: utf8.RuneCountInString(string(s)), Known: isKnown(s)})
		}
	}
	for _, app := range k.list {
		for _, key := range app.Keys {
			if mayUse(&app, &key) {
				add(fmt.Sprintf("the secret of key %q of app %q", key.Key, app.ID), key.Secret, 0)
			}
		}
	}
	add("RELAY_CLUSTER_SECRET", k.config.ClusterSecret, leastClusterSecret)
	add("RELAY_ADMIN_TOKEN", k.config.AdminToken, leastAdminToken)
	return []checkup.Finding{checkup.Secrets(all)}
}

// secretFiles are the files that hold secrets, by setting. Some may not be there. KEYS_FILE and
// AUDIT_KEY_FILE are none of them: a node refuses those that others may read.
func (k *checking) secretFiles() map[string]string {
	c := &k.config
	files := map[string]string{
		"TLS_KEY_FILE": c.TLSKeyFile, "REDIS_KEY_FILE": c.RedisKeyFile, "API_CLIENT_KEY_FILE": c.APIClientKeyFile, "APPS_FILE": c.AppsFile,
	}
	for _, field := range secretFields() {
		if name, ofFile := strings.CutSuffix(field.Tag.Get("env"), ",file"); ofFile {
			files[name] = k.environ[prefix+name]
		}
	}
	return files
}

// lookAtFiles finds out who may read files with secrets, and how old they are.
func (k *checking) lookAtFiles(context.Context) (found []checkup.Finding) {
	var dated []checkup.SecretFile
	for _, setting := range slices.Sorted(maps.Keys(k.secretFiles())) {
		info, err := os.Stat(k.secretFiles()[setting])
		if err != nil {
			continue // none is set, or who reads it tells
		}
		if setting != "APPS_FILE" { // in which much else changes
			dated = append(dated, checkup.SecretFile{Setting: prefix + setting, Written: info.ModTime()})
		}
		if err := wholefile.CheckPrivate(info); err != nil {
			found = append(found, checkup.Failed("files."+prefix+setting, "let nobody but the node read it", "the file %v", err))
		}
	}
	if len(found) == 0 {
		found = append(found, checkup.OK("files", "files with keys and secrets are the node's alone"))
	}
	return append(found, checkup.Ages(dated, time.Now()))
}

// lookAtKeys finds out whether what is sealed can be opened.
func (k *checking) lookAtKeys(ctx context.Context) []checkup.Finding {
	if k.keysErr != nil {
		k.bad["apps"], k.bad["redis"], k.bad["audit"] = true, true, true // secrets may be missing
		return []checkup.Finding{checkup.Failed("keys", "see docs/OPERATIONS.md, Sealed secrets", "%v", k.keysErr)}
	}
	keys := k.config.sealing.keys
	if keys == nil {
		return []checkup.Finding{checkup.OK("keys", "nothing is sealed (RELAY_KEYS_FILE is not set)")}
	}
	set := keys.Current()
	found := []checkup.Finding{checkup.OK("keys", "%d keys open, and %v seals", len(set.IDs()), set.Seals())}
	if k.node != nil {
		return found
	}
	return append(found, k.keysNeeded(ctx, set))
}

// keysNeeded looks for entries of logs that no key opens.
func (k *checking) keysNeeded(ctx context.Context, set *seal.Keyset) checkup.Finding {
	const name = "keys.needed"
	if !k.flags.slow || k.bad["redis"] {
		return checkup.Noted(name, "give --slow, so that all logs in Redis are looked through", "whether entries of logs need keys that are gone was not looked at")
	}
	n := needed{entries: map[seal.KeyID]int{}, secrets: map[seal.KeyID]int{}}
	if err := n.lookAtLogs(ctx, &k.config); err != nil {
		return checkup.Noted(name, "run 'buildrelay keys list' with a user of Redis who may, such as operator", "not all logs in Redis could be looked through: %v", err)
	}
	for _, id := range slices.Sorted(maps.Keys(n.entries)) {
		if !slices.Contains(set.IDs(), id) {
			return checkup.Failed(name, "put the key back, from a copy of RELAY_KEYS_FILE", "%d entries of logs are sealed with key %v, which is not in RELAY_KEYS_FILE", n.entries[id], id)
		}
	}
	return checkup.OK(name, "all entries of logs in Redis can be opened")
}
