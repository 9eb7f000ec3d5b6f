package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/checkup"
)

// newestRecords is how many records of all chains are looked through.
const newestRecords = 10_000

// lookAtAudit finds out whether the audit trail is kept, and whether somebody changed its end.
func (k *checking) lookAtAudit(ctx context.Context) []checkup.Finding {
	c := &k.config
	if !c.audited() {
		return []checkup.Finding{checkup.Noted("audit", "set RELAY_DATA_DIR", "no audit trail is kept")}
	}
	db, err := k.auditStore()
	if err == nil && k.node == nil {
		defer db.Close()
	}
	if err == nil {
		err = db.Check(ctx)
	}
	var found []checkup.Finding
	if err != nil {
		found = append(found, checkup.Failed("audit", "make RELAY_AUDIT_DATABASE reachable, and see docs/OPERATIONS.md, The audit trail", "%v", err))
	} else {
		found = append(found, checkup.OK("audit", "a trail is kept (%s)", c.Audit), k.chain(ctx, db))
	}
	return append(append(found, k.spool()), k.auditDisk()...)
}

// auditStore opens the trail, and makes none where there is none.
func (k *checking) auditStore() (*store.DB, error) {
	if k.node != nil {
		return k.node.audit.db, nil
	}
	if err := k.config.findTrail(); err != nil {
		return nil, err
	}
	key, err := k.config.auditKey(false)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(k.config.auditDatabase(), key)
	return db, wrong("AUDIT_DATABASE", err)
}

func (k *checking) chain(ctx context.Context, db *store.DB) checkup.Finding {
	const name = "audit.chain"
	const do = "look at what 'buildrelay audit verify' finds, and at who could write to the database"
	heads, err := readHeads("", k.config.auditFile("audit.heads"))
	if err != nil {
		return checkup.Failed(name, do, "%v", err)
	}
	var problems []audit.Problem
	records, err := db.VerifyNewest(ctx, heads, newestRecords, func(p audit.Problem) { problems = append(problems, p) })
	switch {
	case err != nil && ctx.Err() != nil:
		return checkup.Noted(name, "run 'buildrelay audit verify', which takes its time", "whether somebody changed the newest records was not found out in time")
	case err != nil:
		return checkup.Failed(name, do, "%v", err)
	case len(problems) > 0:
		first := problems[0]
		return checkup.Failed(name, do, "somebody changed the trail, in %d places: %q, record %d, %s", len(problems), first.Chain, first.Seq, first.What)
	}
	return checkup.OK(name, "nobody changed the newest %d records", records)
}

// spool finds out whether records wait for the database.
func (k *checking) spool() checkup.Finding {
	const name, do = "audit.spool", "make RELAY_AUDIT_DATABASE reachable: a node then hands them in by itself"
	if k.node != nil {
		text, ok := k.node.audit.trail.State()
		if !ok {
			return checkup.Failed(name, do, "records wait: %s", text)
		}
		return checkup.OK(name, "records reach the database: %s", text)
	}
	file := k.config.auditFile("audit.spool")
	info, err := os.Stat(file)
	switch {
	case file == "" || errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0:
		return checkup.OK(name, "no records wait for the database")
	case err != nil:
		return checkup.Failed(name, do, "%v", err)
	}
	return checkup.Failed(name, do, "%d bytes of records wait in %s for the database", info.Size(), file)
}

// auditDisk looks at the disk that the trail, or its spool, is on; nothing where there is none.
func (k *checking) auditDisk() []checkup.Finding {
	folder := k.config.DataDir
	if database := k.config.auditDatabase(); folder == "" && !strings.Contains(database, "://") {
		folder = filepath.Dir(strings.TrimPrefix(database, "sqlite:"))
	}
	var disk unix.Statfs_t
	if folder == "" || unix.Statfs(folder, &disk) != nil {
		return nil // that it is not there is told elsewhere
	}
	return []checkup.Finding{checkup.Disk("audit.disk", folder, disk.Bavail, disk.Blocks)}
}
