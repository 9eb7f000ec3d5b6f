package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAWrongSettingOfTheTrailIsExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.key")
	if err := os.WriteFile(bad, []byte("not a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ settings, says string }{
		"a mode that is none":          {"RELAY_AUDIT=maybe", "off, spooled and strict"},
		"strict without a place":       {"RELAY_AUDIT=strict", "RELAY_DATA_DIR"},
		"a database without a key":     {"RELAY_AUDIT_DATABASE=postgres://db/audit", "RELAY_AUDIT_KEY_FILE"},
		"a token that can be guessed":  {"RELAY_ADMIN_TOKEN=hunter2", "at least 32"},
		"a time that is negative":      {"RELAY_AUDIT_KEEP=-1h", "RELAY_AUDIT_KEEP"},
		"an outlet that is none":       {"RELAY_AUDIT_OUTLETS=ftp://user:hunter2@host/", "syslog"},
		"a rule that is none":          {"RELAY_AUDIT_JOBS=private-build-* started", "RELAY_AUDIT_JOBS"},
		"an amount that is none":       {"RELAY_AUDIT_SPOOL=much", "RELAY_AUDIT_SPOOL"},
		"a key that is none":           {"RELAY_DATA_DIR=" + dir + " RELAY_AUDIT_KEY_FILE=" + bad, "64"},
		"a key that is not there":      {"RELAY_DATA_DIR=" + dir + " RELAY_AUDIT_KEY_FILE=" + dir + "/none", "RELAY_AUDIT_KEY_FILE"},
		"a folder that cannot be made": {"RELAY_DATA_DIR=/proc/none", "RELAY_DATA_DIR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := auditError(strings.Fields(strings.ReplaceAll(c.settings, "* ", "*\x00")))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			} else if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}

// auditError is what is wrong with settings, of which NUL is a space.
func auditError(environ []string) error {
	for i, text := range environ {
		environ[i] = strings.ReplaceAll(text, "\x00", " ")
	}
	c, err := loadConfig(environ)
	if err == nil {
		err = c.checkAudit()
	}
	if err == nil {
		err = c.makeDataDir()
	}
	if err == nil {
		_, err = c.auditKey(true)
	}
	return err
}

func TestTheKeyOfTheTrailIsMadeOnceForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: filepath.Join(t.TempDir(), "data")}
	if err := c.makeDataDir(); err != nil {
		t.Fatal(err)
	}
	first, err := c.auditKey(true)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.auditKey(true)
	if err != nil || first.ID() != second.ID() {
		t.Errorf("the second start has the key %s, the first had %s: %v", second.ID(), first.ID(), err)
	}
	file := c.auditKeyFile()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.DataDir, ".new-*")); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
	if err := os.WriteFile(filepath.Join(c.DataDir, "audit.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(c.DataDir, "lost.key")
	if err := os.Rename(file, lost); err != nil {
		t.Fatal(err)
	}
	if _, err := c.auditKey(true); err == nil || !strings.Contains(err.Error(), "put it back") {
		t.Errorf("a key takes the place of one that is lost: %v", err)
	}
	if err := os.Rename(lost, file); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.auditKey(true); err == nil || !strings.Contains(err.Error(), "0644") {
		t.Errorf("a key that others can read is taken: %v", err)
	}
}
