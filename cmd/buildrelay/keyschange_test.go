package main

import (
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

// What a node seals with a key before it looks at the rotated file twice is in no log when one
// looks for it at once.
func TestAKeyIsNotRetiredWhileNodesMaySealWithIt(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	k := newKeyring(t, map[string]string{"RELAY_REDIS_URL": server.URL()})
	first := k.keys().Current().Seals()
	k.changed(time.Now().Add(-time.Hour))
	k.do(keysRotate)
	c := k.config()
	err := c.retireKey(t.Context(), first, false)
	k.expectRefusal(err, first.String()+" may seal still: the file was changed ")
	k.expectRefusal(err, "(-force removes it all the same)")
	k.changed(time.Now().Add(-sealsAtMost / 2))
	k.expectRefusal(c.retireKey(t.Context(), first, false), "may seal still: the file was changed ")
	k.changed(time.Now().Add(-sealsAtMost))
	if err := c.retireKey(t.Context(), first, false); err != nil {
		t.Error(err)
	}
	second := k.keys().Current().Seals()
	k.do(keysRotate)
	if err := c.retireKey(t.Context(), second, true); err != nil || k.keys().Current().Has(second) {
		t.Errorf("it is not retired by force: %v", err)
	}
}

func TestCommandsAtOnceLoseNoKey(t *testing.T) {
	t.Parallel()
	k := newKeyring(t, nil)
	c := k.config()
	_, err := c.changeKeys(t.Context(), func(set *seal.Keyset) (*seal.Keyset, error) {
		k.expectRefusal(keysCreate(t.Context(), c, io.Discard), "RELAY_KEYS_FILE: locking ")
		return set.Add()
	})
	if err != nil {
		t.Fatal(err)
	}
	var added atomic.Int64
	var adding sync.WaitGroup
	for range 8 {
		adding.Go(func() {
			switch err := keysCreate(t.Context(), c, io.Discard); {
			case err == nil:
				added.Add(1)
			case !strings.Contains(err.Error(), "which another process may have"):
				t.Error(err)
			}
		})
	}
	adding.Wait()
	if got := len(k.keys().Current().IDs()); added.Load() == 0 || got != 2+int(added.Load()) {
		t.Errorf("%d were added to 2, and there are %d", added.Load(), got)
	}
}

// Operators are root where nodes are not: what a node may read before it can read after.
func TestRootLeavesTheKeysToTheNode(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	const node = 65532
	for _, of := range []struct {
		uid  int
		mode os.FileMode
	}{{node, 0o600}, {0, 0o640}} {
		k := newKeyring(t, nil)
		path := k.environ["RELAY_KEYS_FILE"]
		if err := os.Chown(path, of.uid, node); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, of.mode); err != nil {
			t.Fatal(err)
		}
		k.do(keysRotate)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t)
		if int(owner.Uid) != of.uid || owner.Gid != node || info.Mode() != of.mode || len(k.keys().Current().IDs()) != 2 {
			t.Errorf("%+v: it is %d:%d %v", of, owner.Uid, owner.Gid, info.Mode())
		}
	}
}
