package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"buildrelay/relay/audit"
)

// VerifyNewest is Verify for about the newest n records of all chains together, or all that there
// are: in each chain it begins behind a head that was signed before them. So it takes a moment
// however long the trail is, and proves nothing of older records. That the end of a chain was
// removed it finds in all of them. Of heads that are kept elsewhere those count that are newer.
func (db *DB) VerifyNewest(ctx context.Context, heads []audit.Head, n int64, each func(audit.Problem)) (records int64, err error) {
	err = db.with(ctx, func(c *connections) error {
		tx, err := c.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // nothing was written
		chains, err := db.chains(ctx, tx)
		if err != nil {
			return err
		}
		shares, err := db.shares(ctx, tx, n)
		if err != nil {
			return err
		}
		records = 0
		for _, chain := range withHeads(chains, heads) {
			count, problems, err := db.verifyEnd(ctx, tx, chain, heads, shares[chain])
			if err != nil {
				return fmt.Errorf("the chain %q: %w", audit.Clean(chain), err)
			}
			records += count
			for _, p := range problems {
				each(p)
			}
		}
		return nil
	})
	if err != nil {
		return records, fmt.Errorf("verifying the end of the audit trail: %w", err)
	}
	return records, nil
}

// shares is how many of the newest n records each chain has.
func (db *DB) shares(ctx context.Context, q querier, n int64) (map[string]int64, error) {
	of := make(map[string]int64)
	_, err := rows(ctx, q, func(row *sql.Rows) (none struct{}, err error) {
		var chain string
		var count int64
		err = row.Scan(&chain, &count)
		of[chain] = count
		return none, err
	}, db.bind("SELECT chain, count(*) FROM (SELECT chain FROM audit_records ORDER BY at DESC, chain DESC, seq DESC LIMIT ?) AS newest GROUP BY chain"), n)
	return of, err
}

// verifyEnd verifies the newest n records of a chain.
func (db *DB) verifyEnd(ctx context.Context, q querier, chain string, given []audit.Head, n int64) (int64, []audit.Problem, error) {
	last, err := db.last(ctx, q, chain)
	if err != nil {
		return 0, nil, err
	}
	from, err := scanHead(q.QueryRowContext(ctx, db.bind("SELECT "+headColumns+
		" FROM audit_heads WHERE chain = ? AND seq <= ? ORDER BY seq DESC LIMIT 1"), chain, last.Seq-n))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return db.verifyChain(ctx, q, chain, given)
	case err != nil:
		return 0, nil, err
	}
	newer := slices.DeleteFunc(slices.Clone(given), func(h audit.Head) bool { return h.Seq <= from.Seq })
	return db.walk(ctx, q, audit.NewVerifierBehind(db.key, chain, from), chain, from.Seq+1, newer)
}
