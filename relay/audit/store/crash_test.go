package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/relaytest"
)

// What TestWritesUntilItIsKilled is told by who starts it.
const (
	crashDatabase = "RELAY_TEST_CRASH_DATABASE"
	crashKey      = "RELAY_TEST_CRASH_KEY"
)

func TestAWriterThatIsKilledTearsNothingInSQLite(t *testing.T) {
	t.Parallel()
	killWriters(t, onSQLite(t))
}

// killWriters kills one process after another in the middle of its commits. What one has
// said to be there is there, and the next one goes on behind it.
func killWriters(t *testing.T, w *world) {
	rounds := 3
	if relaytest.Full() {
		rounds = 50
	}
	for round := range rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWritesUntilItIsKilled$")
		cmd.Env = append(os.Environ(), crashDatabase+"="+w.database, crashKey+"="+w.key.Text())
		output, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said, lines := int64(0), bufio.NewScanner(output)
		for commits := 1 + rand.IntN(6); commits > 0 && lines.Scan(); commits-- {
			said = number(t, lines.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it ended
			said = number(t, lines.Text())
		}
		_ = cmd.Wait() // it was killed
		if last, err := w.Last(t.Context(), "node"); err != nil || last.Seq < said || said == 0 {
			t.Fatalf("round %d: it said %d, and %d, %v is there", round, said, last.Seq, err)
		}
		w.sound("node", len(chainOf(t, w.DB, "node")))
	}
}

// number reads a line that was cut, if at all, by a kill.
func number(t *testing.T, line string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(line, "."), 10, 64)
	if err != nil || !strings.HasSuffix(line, ".") {
		t.Logf("it said %q", line)
		return 0
	}
	return n
}

// It is no test: killWriters starts it.
func TestWritesUntilItIsKilled(t *testing.T) {
	database := os.Getenv(crashDatabase)
	if database == "" {
		t.Skip("it is started by others")
	}
	key, err := audit.ParseKey(os.Getenv(crashKey))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(database, key)
	if err != nil {
		t.Fatal(err)
	}
	last, err := db.Last(t.Context(), "node")
	if err != nil {
		t.Fatal(err)
	}
	for n := int(last.Seq); ; {
		some := entries("node", n, 1+rand.IntN(50))
		head, err := db.Append(t.Context(), "node", some)
		if err != nil {
			t.Fatal(err)
		}
		if n += len(some); head.Seq != int64(n) {
			t.Fatalf("the head is at %d, want %d", head.Seq, n)
		}
		fmt.Printf("%d.\n", head.Seq)
	}
}
