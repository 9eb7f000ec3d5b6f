package protocol_test

import (
	"strconv"
	"strings"
	"testing"

	"buildrelay/protocol"
)

func TestNewSocketIDsAreValidAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := protocol.NewSocketID()
		if err := protocol.CheckSocketID(id); err != nil {
			t.Fatal(err)
		}
		if seen[id] {
			t.Fatalf("%s was given twice", id)
		}
		seen[id] = true
		for part := range strings.SplitSeq(id, ".") {
			if n, err := strconv.ParseInt(part, 10, 64); err != nil || n < 1 || n > 1<<31 {
				t.Fatalf("%s: %s is not between 1 and 2^31", id, part)
			}
		}
	}
}

func TestCheckSocketID(t *testing.T) {
	for _, id := range []string{"1.2", "1234.1234", "0.0", "7.123456"} {
		if err := protocol.CheckSocketID(id); err != nil {
			t.Errorf("CheckSocketID(%q): %v", id, err)
		}
	}
	for _, id := range []string{
		"", ".", "1", "1.", ".2", "abc", "1.2.3", " 1.1", "1.1\n", "-1.2", "1,2", "1.2:x", "1.٣",
		"1.1\nPOST", "POST\n/apps/3/events",
	} {
		if err := protocol.CheckSocketID(id); err == nil {
			t.Errorf("CheckSocketID(%q) accepts it", id)
		}
	}
}
