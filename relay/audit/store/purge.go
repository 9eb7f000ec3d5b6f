package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"buildrelay/relay/audit"
)

// purgeAtOnce is how many records one commit of Purge removes: others may write between.
const purgeAtOnce = 1000

const putBase = "INSERT INTO audit_bases (" + headColumns + ") VALUES (?, ?, ?, ?, ?, ?) " +
	"ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, mac = excluded.mac, at = excluded.at, " +
	"key = excluded.key, signature = excluded.signature"

// Purge removes the records from before a time that stand at the beginning of their chains.
// A signed base stands for them, so that what is left still shows what was changed. A record
// also counts as old where it was committed before the time, whatever time it names itself:
// one of next year keeps nobody waiting.
//
// After an error some may be gone, as what is returned says.
func (db *DB) Purge(ctx context.Context, before time.Time) (audit.AuditPurge, error) {
	purged := audit.AuditPurge{Before: before.UTC()}
	chains, err := db.Chains(ctx)
	if err != nil {
		return purged, err
	}
	for _, chain := range chains {
		count, err := db.purgeChain(ctx, chain, before)
		purged.Count += count
		if count > 0 {
			purged.Chains++
		}
		if err != nil {
			return purged, fmt.Errorf("purging the audit trail: %w", err)
		}
	}
	return purged, nil
}

func (db *DB) purgeChain(ctx context.Context, chain string, before time.Time) (count int64, err error) {
	for {
		var some int64
		err := db.with(ctx, func(c *connections) error {
			tx, err := db.begin(ctx, c, chain)
			if err != nil {
				return err
			}
			defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
			if some, err = db.purgeSome(ctx, tx, chain, before); err != nil {
				return err
			}
			return tx.Commit()
		})
		if err != nil {
			return count, err
		}
		count += some
		if some < purgeAtOnce {
			return count, nil
		}
	}
}

// purgeSome removes the beginning of a chain, and returns how many records that was.
func (db *DB) purgeSome(ctx context.Context, tx *sql.Tx, chain string, before time.Time) (int64, error) {
	end, count, err := db.old(ctx, tx, chain, before)
	if err != nil || count == 0 {
		return 0, err
	}
	if err := db.putHead(ctx, tx, putBase, db.key.SignBase(end, time.Now())); err != nil {
		return 0, err
	}
	for _, table := range []string{"audit_records", "audit_heads"} {
		if _, err := tx.ExecContext(ctx, db.bind("DELETE FROM "+table+" WHERE chain = ? AND seq <= ?"), chain, end.Seq); err != nil {
			return 0, fmt.Errorf("removing old records: %w", err)
		}
	}
	return count, nil
}

// old returns the last of the old records at the beginning of a chain, and how many they are.
func (db *DB) old(ctx context.Context, tx *sql.Tx, chain string, before time.Time) (audit.Link, int64, error) {
	end := audit.Link{Chain: chain}
	limit := nanoseconds(before)
	var committed int64
	err := tx.QueryRowContext(ctx, db.bind("SELECT coalesce(max(seq), 0) FROM audit_heads WHERE chain = ? AND at < ?"), chain, limit).Scan(&committed)
	if err != nil {
		return end, 0, fmt.Errorf("looking for old commits: %w", err)
	}
	type place struct {
		seq, at int64
		mac     []byte
	}
	found, err := rows(ctx, tx, func(row *sql.Rows) (p place, err error) { return p, row.Scan(&p.seq, &p.at, &p.mac) },
		db.bind("SELECT seq, at, mac FROM audit_records WHERE chain = ? ORDER BY seq LIMIT ?"), chain, purgeAtOnce)
	if err != nil {
		return end, 0, fmt.Errorf("looking for old records: %w", err)
	}
	var count int64
	for _, p := range found {
		if p.at >= limit && p.seq > committed {
			break
		}
		end.Seq, end.MAC = p.seq, p.mac
		count++
	}
	return end, count, nil
}
