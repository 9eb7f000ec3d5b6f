package trail_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
)

var lineNonce = bytes.Repeat([]byte{7}, 16)

func fuzzKey(f *testing.F) audit.Key {
	f.Helper()
	key, err := audit.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	return key
}

// What is read was written so: nobody without the key makes a line.
func FuzzSpoolLine(f *testing.F) {
	key := fuzzKey(f)
	line := trail.AppendLine(key, lineNonce, 12, []byte(`{"action":"a.b"}`))
	f.Add(line[:len(line)-1])
	f.Add([]byte("1  {}"))
	f.Add([]byte(" 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		number, record, ok := trail.ReadLine(key, lineNonce, text)
		if !ok {
			return
		}
		if again := trail.AppendLine(key, lineNonce, number, record); !bytes.Equal(again, append(text, '\n')) {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}

func FuzzSpoolHead(f *testing.F) {
	key := fuzzKey(f)
	head := trail.Head(key, lineNonce, 12)
	f.Add(head[:len(head)-1])
	f.Add([]byte("buildrelay-audit-spool 1 07070707070707070707070707070707 1 "))
	f.Fuzz(func(t *testing.T, text []byte) {
		number, nonce := trail.ReadHead(key, text)
		if nonce == nil {
			return
		}
		if again := trail.Head(key, nonce, number); !bytes.Equal(again, append(text, '\n')) {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}

// A line fits its key, its spool, its number and its record, and nothing else.
func TestALineFitsItsPlaceAlone(t *testing.T) {
	t.Parallel()
	keys := make([]audit.Key, 2)
	for i := range keys {
		var err error
		if keys[i], err = audit.NewKey(); err != nil {
			t.Fatal(err)
		}
	}
	record := []byte(`{"action":"a.b"}`)
	line := bytes.TrimSuffix(trail.AppendLine(keys[0], lineNonce, 12, record), []byte("\n"))
	if number, got, ok := trail.ReadLine(keys[0], lineNonce, line); !ok || number != 12 || !bytes.Equal(got, record) {
		t.Errorf("it is read as %d, %q, %v", number, got, ok)
	}
	if _, _, ok := trail.ReadLine(keys[1], lineNonce, line); ok {
		t.Error("it fits another key")
	}
	if _, _, ok := trail.ReadLine(keys[0], bytes.Repeat([]byte{8}, 16), line); ok {
		t.Error("it fits another spool")
	}
	for i := range line {
		changed := bytes.Clone(line)
		changed[i] ^= 1
		if _, _, ok := trail.ReadLine(keys[0], lineNonce, changed); ok {
			t.Errorf("it fits with another byte %d: %q", i, changed)
		}
	}
	// The chain of a database has other MACs, whatever a node is called.
	link := keys[0].Next(audit.Link{Chain: chain, Seq: 11, MAC: lineNonce}, record)
	if bytes.Contains(line, []byte(hex.EncodeToString(link.MAC))) {
		t.Error("a record has the same MAC in the database")
	}
}

// Whatever is in the file, a trail runs, and goes on to work.
func FuzzSpoolFile(f *testing.F) {
	r := newRig(f, f.TempDir(), nil)
	r.fail(errAway)
	r.note(0, 3)
	r.run()
	r.stop()
	text := r.spooled()
	f.Add(text)
	f.Add(text[:len(text)-10])
	f.Add(bytes.Repeat([]byte("\n"), 10))
	f.Add([]byte("buildrelay-audit-spool 1 "))
	f.Add(append(bytes.Clone(text), make([]byte, 4096)...)) // as some file systems are after a crash
	f.Fuzz(func(t *testing.T, text []byte) {
		folder := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, folder, nil)
			if err := os.WriteFile(r.config.Spool, text, 0o600); err != nil {
				t.Fatal(err)
			}
			r.fail(errAway)
			r.run()
			r.note(1_000, 1_010)
			pass(2 * time.Second)
			r.fail(nil)
			pass(10 * time.Second)
			kept := 0
			for _, e := range r.has() {
				if len(e.Target) == 4 {
					kept++
				}
			}
			if kept != 10 {
				t.Errorf("%d new records are kept", kept)
			}
			if rest := r.spooled(); len(rest) > 0 {
				t.Errorf("the spool still has %d bytes", len(rest))
			}
		})
	})
}
