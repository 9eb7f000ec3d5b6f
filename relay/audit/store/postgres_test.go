package store_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/relaytest"
)

// A server that acknowledges first, and writes to the disk later, is asked to write first;
// and then it is stopped, hangs and is killed.
func TestAServerThatComesAndGoesTearsNothing(t *testing.T) {
	t.Parallel()
	server := relaytest.StartPostgres(t, relaytest.PostgresSettings("synchronous_commit=off"))
	w := onPostgres(t, server)
	server.Stop()
	if err := w.Check(t.Context()); err == nil {
		t.Error("a server that is down can be reached")
	}
	if _, err := w.Append(t.Context(), "node", entries("node", 0, 1)); err == nil {
		t.Error("appended to a server that is down")
	}
	server.Restart()
	w.append("node", entries("node", 0, 2)...)
	if err := w.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := w.Ask(t.Context(), "SHOW synchronous_commit"); got != "on" || err != nil {
		t.Errorf("synchronous_commit is %s, %v", got, err)
	}
	hang(t, server, w)
	w.sound("node", 3)
	killServer(t, server, w)
}

// hang looks that nobody waits longer than their context for a server that says nothing.
func hang(t *testing.T, server *relaytest.Postgres, w *world) {
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := w.Append(ctx, "node", entries("node", 2, 1)); err == nil || time.Since(begun) > relaytest.Patience/2 {
		t.Errorf("a server that hangs: %v after %v", err, time.Since(begun))
	}
	server.Thaw()
	relaytest.Eventually(t, "it appends again", func() bool {
		_, err := w.Append(t.Context(), "node", entries("node", 2, 1))
		return err == nil
	})
}

// killServer kills the server while two nodes append; who is told nothing appends again.
func killServer(t *testing.T, server *relaytest.Postgres, w *world) {
	const kills, each = 2, 5
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group errgroup.Group
	counts, progress := make([]int, 2), make(chan struct{})
	for writer := range counts {
		db := w.open()
		group.Go(func() error {
			for ctx.Err() == nil {
				some := entries("killed", 1_000_000*writer+counts[writer], each)
				if _, err := db.Append(context.WithoutCancel(ctx), "killed", some); err != nil {
					continue // until the server is back
				}
				counts[writer] += each
				select {
				case progress <- struct{}{}:
				case <-ctx.Done():
				}
			}
			return nil
		})
	}
	for range kills {
		for range 10 {
			<-progress
		}
		server.Kill()
		server.Restart()
	}
	for range 10 {
		<-progress
	}
	cancel()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	w.sound("killed", counts[0]+counts[1])
}

func makeTablesTogether(t *testing.T, w *world) {
	var group errgroup.Group
	for writer := range 6 {
		db := w.open()
		group.Go(func() error {
			_, err := db.Append(t.Context(), "node", entries("node", writer, 1))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	w.sound("node", 6)
}

func TestThePasswordOfTheDatabaseIsInNoError(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry"
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, database := range []string{
		"postgres://user:" + canary + "@127.0.0.1:1/db", "postgres://user:" + canary + "@127.0.0.1:1/db?sslmode=disable",
		"postgresql://user:" + canary + "@nowhere.invalid/db", "postgres://user:" + canary + "@/db",
		"postgres://user:" + canary + "@127.0.0.1:x/db", "postgres://user:" + canary + "@127.0.0.1:99999/db",
		"postgres://user:" + canary + "%zz@127.0.0.1/db", "postgres://user:" + canary + "/x@127.0.0.1/db",
		"postgres://user:12/" + canary + "@127.0.0.1/db", "postgres://user:12?" + canary + "@127.0.0.1/db",
		"postgres://user:12#" + canary + "@127.0.0.1/db", "postgres://user:a b" + canary + "@127.0.0.1/db",
		"postgres://127.0.0.1:1/db?user=u&password=" + canary, "postgres://127.0.0.1:1/db?sslmode=" + canary,
		"postgres://127.0.0.1:1/db?password=" + canary + "&connect_timeout=x", "postgres://user:" + canary,
		"postgres://127.0.0.1:1/db?sslmode=disable&target_session_attrs=" + canary, "mysql://user:" + canary + "@127.0.0.1/db",
		"postgres:/user:" + canary + "@127.0.0.1/db", "postgresql:user:" + canary + "@127.0.0.1/db", "host=127.0.0.1 password=" + canary,
		"user:" + canary + "://x", "postgres://user:" + canary + "@[::1/db", "postgres://user:" + canary + "@127.0.0.1:1,127.0.0.1:2/db",
	} {
		db, err := store.Open(database, key)
		if err == nil {
			_, err = db.Append(t.Context(), "node", entries("node", 0, 1))
			_ = db.Close()
		}
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", database, err)
		}
	}
}

func refusedPassword(t *testing.T, server *relaytest.Postgres) {
	right, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(u *url.URL){
		"another password": func(u *url.URL) { u.User = url.UserPassword("buildrelay", "wrong"+server.Password()) },
		"another database": func(u *url.URL) { u.Path = "/nothing" },
		"with TLS":         func(u *url.URL) { u.RawQuery = "sslmode=require" },
	} {
		u := *right
		change(&u)
		err := newWorld(t, u.String()).Check(t.Context())
		if err == nil || strings.Contains(err.Error(), server.Password()) || strings.Contains(err.Error(), url.QueryEscape(server.Password())) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
