package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/audit"
	"buildrelay/relay/seal"
	"buildrelay/relay/tlsfiles"
	"buildrelay/relay/wholefile"
)

// keysFileEvery is the time between two looks at the keys file.
const keysFileEvery = time.Second

// sealingKeys are what a command seals and opens with. Where there is no KEYS_FILE file and keys are
// nil, which they may be.
type sealingKeys struct {
	file *seal.File
	keys *seal.Keys
	// authorities are Vault's, nil for those of the system.
	authorities *tlsfiles.Authorities
	// tokenFile is VAULT_TOKEN_FILE's path, empty where there is none.
	tokenFile string
}

// checkKeys is for who has a key set, or may have one.
func (c *Config) checkKeys() error {
	switch {
	case c.KeysVault == "" && (c.VaultToken != "" || c.VaultCAFile != ""):
		return errors.New("RELAY_VAULT_TOKEN and RELAY_VAULT_CA_FILE are of no use without RELAY_KEYS_VAULT")
	case c.KeysVault == "":
		return nil
	case c.KeysFile == "":
		return errors.New("RELAY_KEYS_VAULT is of no use without RELAY_KEYS_FILE, which it opens")
	case c.VaultToken == "":
		return errors.New("RELAY_VAULT_TOKEN is not set: it is shown to the Vault of RELAY_KEYS_VAULT")
	case seal.IsSealedSecret(string(c.VaultToken)):
		return errors.New("RELAY_VAULT_TOKEN is sealed, but what opens it is in RELAY_KEYS_FILE, which it opens: give it as it is, from a file")
	}
	return nil
}

// kek is what KEYS_FILE is sealed with itself; nil where it is plain. It asks nothing yet.
func (c *Config) kek() (seal.KEK, error) {
	if err := c.checkKeys(); err != nil {
		return nil, err
	}
	if c.KeysVault == "" {
		return nil, nil
	}
	authorities, err := tlsfiles.LoadAuthorities("vault_authorities", c.VaultCAFile)
	if err != nil {
		return nil, wrong("VAULT_CA_FILE", err)
	}
	c.sealing.authorities = authorities
	vault, err := seal.NewVault(seal.VaultConfig{Key: c.KeysVault, Token: c.vaultToken, Roots: authorities.Pool})
	if err != nil {
		return nil, wrong("KEYS_VAULT", err)
	}
	return vault, nil
}

// vaultToken is the token as its file has it now: an agent of Vault's writes new ones.
func (c *Config) vaultToken() (auth.Secret, error) {
	if c.sealing.tokenFile == "" {
		return c.VaultToken, nil
	}
	text, err := wholefile.Read(c.sealing.tokenFile, mostSecretFile)
	if err != nil {
		return "", wrong("VAULT_TOKEN_FILE", err)
	}
	return trim(auth.Secret(text)), nil
}

// loadKeys reads the key set, for which Vault may have to be asked, and opens the settings that
// are sealed.
func (c *Config) loadKeys(ctx context.Context) error {
	kek, err := c.kek()
	if err != nil {
		return err
	}
	if c.KeysFile != "" {
		file, err := seal.OpenFile(ctx, c.KeysFile, kek)
		if err != nil {
			return fmt.Errorf("%w ('buildrelay keys create' makes one)", wrong("KEYS_FILE", err))
		}
		c.sealing.file, c.sealing.keys = file, file.Keys()
	}
	return c.openSettings(c.reveal)
}

// reveal returns the secret that a text in the place of a secret stands for.
func (c *Config) reveal(text string) (auth.Secret, error) { return c.sealing.keys.Reveal(text) }

// attendKeys looks after the keys file until ctx ends.
func (n *node) attendKeys(ctx context.Context) {
	n.keysFile.Changed = func(before, after *seal.Keyset, err error) {
		n.noteKeys(before, after, err)
		if err != nil {
			return
		}
		n.hub.Reread() // what of logs may be shown can be another
		n.broker.RereadMasks()
		if n.appsFile != nil {
			n.appsFile.Retry(ctx) // it may have been waiting for a key
		}
	}
	n.config.sealing.file.Run(ctx, keysFileEvery, n.keysFile)
}

// noteKeys records that the keys are others, or should be.
func (n *node) noteKeys(before, after *seal.Keyset, err error) {
	reload := audit.SealingReload{Before: keyNames(before), After: keyNames(after), Seals: after.Seals().String()}
	if err != nil {
		reload.Reason = err.Error()
	}
	n.audit.noteOutcome(audit.ActionSealingReload, reload, err == nil)
}

func keyNames(set *seal.Keyset) (names []string) {
	for _, id := range set.IDs() {
		names = append(names, id.String())
	}
	return names
}

// reloadKeys looks at the keys file at once, and says whether there is one.
func (n *node) reloadKeys(ctx context.Context) bool {
	n.config.sealing.file.Reload(ctx)
	return n.config.sealing.file != nil
}
