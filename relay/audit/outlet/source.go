package outlet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"buildrelay/relay/audit"
)

// Source has the chain and keeps the cursors. *store.DB is one.
type Source interface {
	// Chain returns at most n records after that number, in their order.
	Chain(ctx context.Context, chain string, after int64, n int) ([]audit.Stored, error)
	// Last is where the chain ends.
	Last(ctx context.Context, chain string) (audit.Link, error)
	// Cursor is the number of the last record that the outlet has; 0 before the first.
	Cursor(ctx context.Context, outlet, chain string) (int64, error)
	SetCursor(ctx context.Context, outlet, chain string, seq int64) error
}

// errShorter is of a chain that lost its end, or of another one in its place.
var errShorter = errors.New("the chain is shorter than what an outlet has of it")

// sourceError is of the source, not of a target.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

// reader is what a loop asks the source, no longer than answer each time.
type reader struct {
	source         Source
	cursorOf, name string // the outlet and the chain
	answer         time.Duration
}

// settled is the link of the last record that the outlet has. It has no MAC if that record is
// no longer kept.
func (r reader) settled(ctx context.Context) (audit.Link, error) {
	ctx, cancel := context.WithTimeout(ctx, r.answer)
	defer cancel()
	seq, err := r.source.Cursor(ctx, r.cursorOf, r.name)
	if err != nil {
		return audit.Link{}, sourceError{fmt.Errorf("reading an outlet's cursor: %w", err)}
	}
	link := audit.Link{Chain: r.name, Seq: seq}
	if seq == 0 {
		return link, nil
	}
	last, err := r.source.Chain(ctx, r.name, seq-1, 1)
	if err != nil {
		return audit.Link{}, sourceError{fmt.Errorf("reading the last record that an outlet has: %w", err)}
	}
	if len(last) == 1 && last[0].Seq == seq {
		link.MAC = last[0].MAC
	}
	return link, nil
}

func (r reader) page(ctx context.Context, after int64, n int) ([]audit.Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, r.answer)
	defer cancel()
	page, err := r.source.Chain(ctx, r.name, after, n)
	if err != nil {
		return nil, sourceError{fmt.Errorf("reading records for an outlet: %w", err)}
	}
	return page, nil
}

func (r reader) move(ctx context.Context, to int64) error {
	ctx, cancel := context.WithTimeout(ctx, r.answer)
	defer cancel()
	if err := r.source.SetCursor(ctx, r.cursorOf, r.name, to); err != nil {
		return sourceError{fmt.Errorf("moving an outlet's cursor: %w", err)}
	}
	return nil
}

// last is where the chain ends; ok is false if the source did not say.
func (r reader) last(ctx context.Context) (link audit.Link, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, r.answer)
	defer cancel()
	link, err := r.source.Last(ctx, r.name)
	return link, err == nil
}
