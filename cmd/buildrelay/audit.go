package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
)

const auditUsage = `Usage:

	buildrelay audit export [flags]   write records as CSV, or as JSON lines
	buildrelay audit tail [flags]     print the newest records, and those that come
	buildrelay audit verify [flags]   find out whether somebody changed the trail

The trail is the one of RELAY_AUDIT_DATABASE or RELAY_DATA_DIR; a node may be running. verify
ends with exit code 1 where something does not fit.
`

// errChanged says that somebody changed the trail, which has been told.
var errChanged = errors.New("the audit trail was changed")

// runAudit is 'buildrelay audit'.
func runAudit(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, auditUsage)
		return errUsage
	}
	command, args := args[0], args[1:]
	switch command {
	case "export":
		return auditExport(ctx, args)
	case "tail":
		return auditTail(ctx, args)
	case "verify":
		return auditVerify(ctx, args)
	case "help", "-h", "--help":
		fmt.Print(auditUsage)
		return nil
	default:
		fmt.Fprintf(os.Stderr, "buildrelay audit: there is no command %q\n\n%s", command, auditUsage)
		return errUsage
	}
}

// filterFlags are the flags that say which records are wanted.
type filterFlags struct{ values map[string]*string }

func newFilterFlags(flags *flag.FlagSet) filterFlags {
	f := filterFlags{make(map[string]*string)}
	for name, usage := range map[string]string{
		"since":  "first `TIME`: 2026-01-31T12:00:00Z, 2026-01-31, or how long ago, such as 36h",
		"until":  "first `TIME` that is too late",
		"action": "`ACTION`, such as relay.audit.read, or the beginning of some: relay.audit.*",
		"actor":  "`ID` of who did it",
		"target": "`ID` of what it was done to",
	} {
		f.values[name] = flags.String(name, "", usage)
	}
	return f
}

func (f filterFlags) filter() (audit.Filter, error) {
	return audit.ParseFilter(func(name string) string { return *f.values[name] }, time.Now())
}

// auditDB opens the trail that the settings name.
func auditDB(ctx context.Context) (*store.DB, Config, error) {
	c, _, err := loadWithSoketi(os.Environ())
	if err == nil {
		err = c.loadKeys(ctx)
	}
	if err == nil && !c.audited() {
		err = errors.New("no audit trail is kept: set RELAY_DATA_DIR or RELAY_AUDIT_DATABASE")
	}
	if err == nil {
		err = c.checkAudit()
	}
	if err != nil {
		return nil, c, err
	}
	if err := c.findTrail(); err != nil {
		return nil, c, err
	}
	key, err := c.auditKey(false)
	if err != nil {
		return nil, c, err
	}
	db, err := store.Open(c.auditDatabase(), key)
	return db, c, wrong("AUDIT_DATABASE", err)
}

// findTrail looks for the file of the trail, which opening it would make: an empty trail has
// nothing that was changed.
func (c *Config) findTrail() error {
	database := c.auditDatabase()
	if strings.Contains(database, "://") { // a server's
		return nil
	}
	_, err := os.Stat(strings.TrimPrefix(database, "sqlite:"))
	switch {
	case err == nil:
		return nil
	case c.AuditDatabase != "": // it may be a misspelt address, with a password
		return errors.New("RELAY_AUDIT_DATABASE: there is no such file")
	default:
		return fmt.Errorf("there is no audit trail in RELAY_DATA_DIR: %w", err)
	}
}

// auditExport is 'buildrelay audit export'.
func auditExport(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("buildrelay audit export", flag.ContinueOnError)
	wanted := newFilterFlags(flags)
	format := flags.String("format", string(store.CSV), "csv, or ndjson: a record's JSON on each line")
	if err := parse(flags, args); err != nil {
		return err
	}
	f, err := wanted.filter()
	if err != nil {
		return err
	}
	if as := store.Format(*format); as != store.CSV && as != store.NDJSON {
		return fmt.Errorf("--format %s: it must be csv or ndjson", *format)
	}
	db, _, err := auditDB(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if f.Until.IsZero() {
		f.Until = time.Now() // a node may be writing
	}
	_, err = store.Export(ctx, db, f, store.Format(*format), os.Stdout)
	return err
}
