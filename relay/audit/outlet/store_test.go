package outlet_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/relaytest"
)

// The chain and the cursors are in a real database, which is closed and opened in between.
func TestOutletsOfARealStoreGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.db")
	server, bucket, out := newSyslogServer(t, nil), newBucketServer(t), &buffer{}
	var want []string
	for range 2 {
		db, err := store.Open(path, key)
		if err != nil {
			t.Fatal(err)
		}
		r := newRigOf(t, db, key, nil, out, "stdout,syslog+tcp://"+server.address+","+bucketSetting(bucket.address))
		r.Hurry(0)
		r.run(t)
		for range 3 {
			var entries []audit.Entry
			for n := range 50 {
				entries = append(entries, mustEncode(t, awkward(n)))
				want = append(want, string(entries[n].Line))
			}
			if _, err := db.Append(t.Context(), chain, entries); err != nil {
				t.Fatal(err)
			}
			r.Wake()
		}
		r.stop()
		for kind, got := range map[string][]string{"stdout": out.lines(), "syslog": server.got(), "s3": bucket.records()} {
			records, heads := split(t, got)
			if diff := cmp.Diff(want, records); diff != "" {
				t.Errorf("%s (-want +got):\n%s", kind, diff)
			}
			for _, head := range heads {
				if err := key.CheckHead(head); err != nil {
					t.Errorf("%s: a head: %v", kind, err)
				}
			}
			if kind != "s3" && (len(heads) == 0 || heads[len(heads)-1].Seq != int64(len(want))) {
				t.Errorf("%s: %d heads, and the last is not of the end", kind, len(heads))
			}
		}
		relaytest.Eventually(t, "there is no lag", func() bool { return r.lag("stdout")+r.lag("syslog+tcp")+r.lag("s3") == 0 })
		if r.log.String() != "" {
			t.Errorf("the log says %s", r.log)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
