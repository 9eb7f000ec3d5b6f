package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"buildrelay/relay/audit"
)

// verifyAtOnce is how many records, and heads, Verify holds.
const verifyAtOnce = 1000

// Verify walks all chains as they are at one moment, and calls each with what is not as it
// was written. Heads that are kept elsewhere show what the database cannot: that a chain, or
// the end of one, was removed. It returns how many records it has looked at.
func (db *DB) Verify(ctx context.Context, heads []audit.Head, each func(audit.Problem)) (records int64, err error) {
	var problems []audit.Problem
	err = db.with(ctx, func(c *connections) error {
		tx, err := c.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // nothing was written
		records, problems, err = db.verify(ctx, tx, heads)
		return err
	})
	for _, problem := range problems {
		each(problem)
	}
	if err != nil {
		return records, fmt.Errorf("verifying the audit trail: %w", err)
	}
	return records, nil
}

func (db *DB) verify(ctx context.Context, q querier, heads []audit.Head) (records int64, problems []audit.Problem, err error) {
	chains, err := db.chains(ctx, q)
	if err != nil {
		return 0, nil, err
	}
	for _, chain := range withHeads(chains, heads) {
		count, found, err := db.verifyChain(ctx, q, chain, heads)
		records += count
		problems = append(problems, found...)
		if err != nil {
			return records, problems, fmt.Errorf("the chain %q: %w", audit.Clean(chain), err)
		}
	}
	return records, problems, nil
}

// withHeads adds the chains of which there are heads.
func withHeads(chains []string, heads []audit.Head) []string {
	for _, h := range heads {
		chains = append(chains, h.Chain)
	}
	slices.Sort(chains)
	return slices.Compact(chains)
}

func (db *DB) verifyChain(ctx context.Context, q querier, chain string, given []audit.Head) (int64, []audit.Problem, error) {
	base, err := db.base(ctx, q, chain)
	if err != nil {
		return 0, nil, err
	}
	return db.walk(ctx, q, audit.NewVerifier(db.key, chain, base), chain, math.MinInt64, given)
}

// walk gives the verifier what a chain has from a number on. It returns how many records that was.
func (db *DB) walk(ctx context.Context, q querier, verifier *audit.Verifier, chain string, from int64, given []audit.Head) (int64, []audit.Problem, error) {
	heads := newAhead(func(h audit.Head) int64 { return h.Seq }, from,
		func(from int64) ([]audit.Head, error) { return db.heads(ctx, q, chain, from, verifyAtOnce) })
	records := newAhead(func(s audit.Stored) int64 { return s.Seq }, from,
		func(from int64) ([]audit.Stored, error) { return db.chain(ctx, q, chain, from, verifyAtOnce) })
	kept := keptFor(chain, given)
	var count int64
	for {
		s, err := records.peek()
		if err != nil {
			return count, nil, err
		}
		if kept, err = feedHeads(verifier, heads, kept, s); err != nil {
			return count, nil, err
		}
		if s == nil {
			return count, verifier.End(), nil
		}
		verifier.Add(*s)
		records.next()
		count++
	}
}

// keptFor returns those of the heads that are of the chain, in the order of their numbers.
func keptFor(chain string, heads []audit.Head) []audit.Head {
	kept := slices.DeleteFunc(slices.Clone(heads), func(h audit.Head) bool { return h.Chain != chain })
	slices.SortStableFunc(kept, func(a, b audit.Head) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
	return kept
}

// feedHeads gives the verifier the heads that come before a record, those of the database and
// those that were kept elsewhere; nil is the end. It returns the kept ones that are left.
func feedHeads(v *audit.Verifier, heads *ahead[audit.Head], kept []audit.Head, before *audit.Stored) ([]audit.Head, error) {
	for {
		h, err := heads.peek()
		if err != nil {
			return nil, err
		}
		mine := h != nil
		if len(kept) > 0 && (h == nil || kept[0].Seq <= h.Seq) {
			h, mine = &kept[0], false
		}
		if h == nil || before != nil && h.Seq >= before.Seq {
			return kept, nil
		}
		v.Head(*h)
		if mine {
			heads.next()
		} else {
			kept = kept[1:]
		}
	}
}
