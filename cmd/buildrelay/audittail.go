package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
)

const (
	// tailEvery is the time between two looks for new records.
	tailEvery = time.Second
	// tailPage is how many records are read at a time.
	tailPage = 500
)

// auditTail is 'buildrelay audit tail'.
func auditTail(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("buildrelay audit tail", flag.ContinueOnError)
	wanted := newFilterFlags(flags)
	n := flags.Int("n", 10, "how many of the newest records come first")
	follow := flags.Bool("follow", true, "go on with those that come")
	raw := flags.Bool("json", false, "print the records' JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *n < 0 || *n > tailPage {
		return fmt.Errorf("-n %d: it must be a number from 0 to %d", *n, tailPage)
	}
	f, err := wanted.filter()
	if err != nil {
		return err
	}
	db, _, err := auditDB(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	t := &tailer{db: db, filter: f, out: os.Stdout, raw: *raw, at: make(map[string]int64)}
	if err := t.first(ctx, *n); err != nil || !*follow {
		return err
	}
	return t.follow(ctx)
}

// tailer prints records of all chains.
type tailer struct {
	db     *store.DB
	filter audit.Filter
	out    io.Writer
	raw    bool
	at     map[string]int64 // the last one that was seen, by chain
}

// first prints the newest records. Where each chain ends is asked for before, so that nothing
// is left out; what came in between is not printed twice.
func (t *tailer) first(ctx context.Context, n int) error {
	chains, err := t.db.Chains(ctx)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		last, err := t.db.Last(ctx, chain)
		if err != nil {
			return err
		}
		t.at[chain] = last.Seq
	}
	if n == 0 {
		return nil
	}
	newest, err := t.db.Newest(ctx, t.filter, store.Place{}, n)
	if err != nil {
		return err
	}
	for _, s := range slices.Backward(newest) {
		t.at[s.Chain] = max(t.at[s.Chain], s.Seq)
		t.print(s)
	}
	return nil
}

// follow prints what comes until ctx ends.
func (t *tailer) follow(ctx context.Context) error {
	again := time.NewTicker(tailEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
		if err := t.next(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (t *tailer) next(ctx context.Context) error {
	chains, err := t.db.Chains(ctx)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		for {
			found, err := t.db.Chain(ctx, chain, t.at[chain], tailPage)
			if err != nil {
				return err
			}
			for _, s := range found {
				t.at[chain] = s.Seq
				if t.filter.Matches(s.Entry) {
					t.print(s)
				}
			}
			if len(found) < tailPage {
				break
			}
		}
	}
	return nil
}

func (t *tailer) print(s audit.Stored) {
	if t.raw {
		fmt.Fprintln(t.out, harmless(string(s.Line)))
		return
	}
	fmt.Fprintln(t.out, harmless(summary(s)))
}

// harmless takes out of a text what a terminal would obey, or show in another order: others
// have written it.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// summary is a record on a line, for people.
func summary(s audit.Stored) string {
	var r struct {
		Actor, Target audit.Entity
		Success       bool
		Payload       json.RawMessage
	}
	if err := json.Unmarshal(s.Line, &r); err != nil {
		return fmt.Sprintf("%s record %d cannot be read: %v", s.Chain, s.Seq, err)
	}
	outcome := "ok"
	if !r.Success {
		outcome = "REFUSED"
	}
	return fmt.Sprintf("%s %-28s %-7s %s %s -> %s %s %s", s.OccurredAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		s.Action, outcome, r.Actor.Type, r.Actor.ID, r.Target.Type, r.Target.ID, r.Payload)
}
