package main

import (
	"testing"

	"buildrelay/relay/appsfile"
	"buildrelay/relay/server"
)

func TestFeedMemoryIsAPartOfWhatThereIs(t *testing.T) {
	const set, usual = 64 << 20, 256 << 20
	memory := server.ProcessMemory(true) // which changes nothing
	quarter := memory.Usage().Total / 4
	if quarter < usual {
		t.Skip("this machine has little memory")
	}
	for _, test := range []struct {
		name, limit string
		set, want   int64
		memory      *server.Memory
	}{
		{"set", "", set, set, memory},
		{"much", "", 0, usual, memory},
		{"GOMEMLIMIT", "8GiB", 0, quarter, memory},
		{"no bound", "", 0, usual, nil},
	} {
		t.Setenv("GOMEMLIMIT", test.limit)
		if got := feedMemory(appsfile.Bytes(test.set), test.memory); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
