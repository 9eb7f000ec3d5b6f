package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/outlet"
	"buildrelay/relay/wholefile"
)

const (
	// leastAdminToken is the least length of the token, in bytes.
	leastAdminToken = 32
	// mostNode is the greatest length of a node's name in the trail, in bytes: objects in
	// buckets are named by it.
	mostNode = 255
)

// audited says whether an audit trail is kept.
func (c *Config) audited() bool {
	return c.Audit != "off" && (c.DataDir != "" || c.AuditDatabase != "")
}

func (c *Config) checkAudit() error {
	var errs []error
	if n := len(c.AdminToken); n > 0 && n < leastAdminToken {
		errs = append(errs, fmt.Errorf("RELAY_ADMIN_TOKEN has %d characters: it must have at least %d, and be random", n, leastAdminToken))
	}
	if c.Audit == "strict" && !c.audited() {
		errs = append(errs, errors.New("RELAY_AUDIT=strict needs a place for the trail: set RELAY_DATA_DIR, or RELAY_AUDIT_DATABASE and RELAY_AUDIT_KEY_FILE"))
	}
	if c.audited() && c.DataDir == "" && c.AuditKeyFile == "" {
		errs = append(errs, errors.New("RELAY_AUDIT_KEY_FILE is not set: without RELAY_DATA_DIR the node has no place for a key of its own"))
	}
	if len(c.AuditNode) > mostNode {
		errs = append(errs, fmt.Errorf("RELAY_AUDIT_NODE has %d bytes: it may have %d at most", len(c.AuditNode), mostNode))
	}
	if c.AuditKeep < 0 {
		errs = append(errs, fmt.Errorf("RELAY_AUDIT_KEEP is %s: it must be 0 (for ever) or more", c.AuditKeep))
	}
	_, err := audit.ParseJobs(c.AuditJobs)
	errs = append(errs, wrong("AUDIT_JOBS", err))
	_, err = outlet.Parse(string(c.AuditOutlets))
	return errors.Join(append(errs, wrong("AUDIT_OUTLETS", err))...)
}

// auditFile is a file of the trail in the data folder, empty where there is none.
func (c *Config) auditFile(name string) string {
	if c.DataDir == "" {
		return ""
	}
	return filepath.Join(c.DataDir, name)
}

// auditDatabase is where the records are. It may hold a password.
func (c *Config) auditDatabase() string {
	if c.AuditDatabase != "" {
		return string(c.AuditDatabase)
	}
	return c.auditFile("audit.db")
}

// auditKeyFile is where the key is.
func (c *Config) auditKeyFile() string {
	if c.AuditKeyFile != "" {
		return c.AuditKeyFile
	}
	return c.auditFile("audit.key")
}

// auditNode is the name of the chain that the node writes.
func (c *Config) auditNode() (string, error) {
	if c.AuditNode != "" {
		return c.AuditNode, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("the host has no name, set RELAY_AUDIT_NODE: %w", err)
	}
	return name, nil
}

// makeDataDir makes the folder for what the node keeps.
func (c *Config) makeDataDir() error {
	if c.DataDir == "" {
		return nil
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("RELAY_DATA_DIR: %w", err)
	}
	return nil
}

// auditKey reads the key of the trail. create says that one is made where it may be, in the
// data folder, and there is none.
func (c *Config) auditKey(create bool) (audit.Key, error) {
	file := c.auditKeyFile()
	if create && c.AuditKeyFile == "" {
		if err := c.newAuditKey(file); err != nil && !errors.Is(err, fs.ErrExist) {
			return audit.Key{}, fmt.Errorf("making a key for the audit trail: %w", err)
		}
	}
	text, err := readSecret(file)
	if err != nil {
		return audit.Key{}, fmt.Errorf("RELAY_AUDIT_KEY_FILE: %w", err)
	}
	key, err := audit.ParseKey(text)
	if err != nil {
		return audit.Key{}, fmt.Errorf("RELAY_AUDIT_KEY_FILE: %s: %w", file, err)
	}
	return key, nil
}

// newAuditKey makes a key, unless there is one: fs.ErrExist. It is on disk before it is used:
// what it signs cannot be checked without it. So no other takes the place of one that is lost.
func (c *Config) newAuditKey(file string) error {
	if _, err := os.Stat(file); err == nil {
		return fs.ErrExist
	}
	if _, err := os.Stat(c.auditFile("audit.db")); err == nil {
		return fmt.Errorf("%s is gone, and there are records that it has signed: put it back, or move audit.db away", file)
	}
	key, err := audit.NewKey()
	if err != nil {
		return err
	}
	return wholefile.Create(file, []byte(key.Text()+"\n"))
}
