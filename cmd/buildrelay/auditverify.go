package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
)

// auditVerify is 'buildrelay audit verify'.
func auditVerify(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("buildrelay audit verify", flag.ContinueOnError)
	file := flags.String("heads", "", "`FILE` with ends of the trail that were kept elsewhere, one a line; by default audit.heads in RELAY_DATA_DIR")
	if err := parse(flags, args); err != nil {
		return err
	}
	db, c, err := auditDB(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	heads, err := readHeads(*file, c.auditFile("audit.heads"))
	if err != nil {
		return err
	}
	problems := int64(0)
	records, err := db.Verify(ctx, heads, func(p audit.Problem) {
		problems++
		fmt.Printf("%s, record %d (%s): %s\n", p.Chain, p.Seq, p.ID, p.What)
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d records, %d problems\n", records, problems)
	if err := recordVerify(ctx, db, c, audit.AuditVerify{OK: problems == 0, Records: records, Problems: problems}); err != nil {
		fmt.Fprintln(os.Stderr, "buildrelay: this could not be recorded:", err)
	}
	if problems > 0 {
		return errChanged
	}
	return nil
}

// recordVerify records that the trail was looked at, in the trail.
func recordVerify(ctx context.Context, db *store.DB, c Config, payload audit.AuditVerify) error {
	chain, err := c.auditNode()
	if err != nil {
		return err
	}
	r := audit.New(time.Now(), audit.ActionAuditVerify, payload)
	r.Actor = audit.Entity{ID: fmt.Sprint(os.Getuid()), Type: "os_user", Name: os.Getenv("USER")}
	r.Target = audit.Entity{ID: "audit", Type: "trail"}
	r.Scope = audit.Entity{ID: chain, Type: "node"}
	r.Success = payload.OK
	entry, err := audit.Encode(r)
	if err != nil {
		return err
	}
	_, err = db.Append(ctx, chain, []audit.Entry{entry})
	return err
}

// readHeads reads the file that is named, or the other one where none is and it is there.
func readHeads(named, other string) ([]audit.Head, error) {
	name := named
	if name == "" {
		name = other
	}
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseHeads(f, name)
}

func parseHeads(r io.Reader, name string) (heads []audit.Head, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		var head audit.Head
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			return nil, fmt.Errorf("%s, line %d: this is no end of a trail: %w", name, n, err)
		}
		heads = append(heads, head)
	}
	return heads, lines.Err()
}
