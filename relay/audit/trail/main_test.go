package trail_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/audit/trail"
	"buildrelay/relay/metrics"
)

// writesVariable makes this test binary a program that writes a trail in a folder until it is
// killed; mountVariable lets it run tests on a file system of their own.
const (
	writesVariable = "TRAIL_TEST_WRITES"
	mountVariable  = "TRAIL_TEST_MOUNT"
)

func TestMain(m *testing.M) {
	if folder, ok := os.LookupEnv(writesVariable); ok {
		fmt.Fprintln(os.Stderr, writeForever(folder))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// openTrail returns a trail on a SQLite file in a folder, and the file. wrap may be nil.
func openTrail(folder string, wrap func(trail.Store) trail.Store, change func(*trail.Config)) (*trail.Trail, *store.DB, error) {
	text, err := os.ReadFile(filepath.Join(folder, "audit.key"))
	if err != nil {
		return nil, nil, err
	}
	key, err := audit.ParseKey(string(text))
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(filepath.Join(folder, "audit.db"), key)
	if err != nil {
		return nil, nil, err
	}
	c := trail.Config{
		Store: db, Chain: chain, Key: key, Metrics: metrics.New(prometheus.NewRegistry()), SpoolBytes: 64 << 20,
		Spool: filepath.Join(folder, "audit.spool"), Heads: filepath.Join(folder, "audit.heads"), Log: slog.New(slog.DiscardHandler),
	}
	if wrap != nil {
		c.Store = wrap(db)
	}
	if change != nil {
		change(&c)
	}
	return trail.New(c), db, nil
}

// moody is a store that fails at times, before or after the commit.
type moody struct{ trail.Store }

func (m moody) Append(ctx context.Context, chain string, entries []audit.Entry) (audit.Head, error) {
	mood := rand.IntN(4)
	if mood == 0 {
		return audit.Head{}, errAway
	}
	head, err := m.Store.Append(ctx, chain, entries)
	if mood == 1 && err == nil {
		return audit.Head{}, errors.New("nobody heard of the commit")
	}
	return head, err
}

// writeForever writes what the standard output then says is kept: the ids, in their order.
func writeForever(folder string) error {
	written, _, err := openTrail(folder, func(s trail.Store) trail.Store { return moody{s} }, nil)
	if err != nil {
		return err
	}
	// Nobody waits for it: the process is killed.
	go written.Run(context.Background())
	for n := 0; ; n++ {
		records := make([]audit.Record, 1+n%5)
		for i := range records {
			records[i] = record(n)
		}
		if written.Keep(context.Background(), records) != nil {
			continue // the machine is slow; nothing was promised
		}
		for _, r := range records {
			fmt.Println(r.ID)
		}
	}
}
