package appsfile_test

import (
	"testing"

	"buildrelay/relay/appsfile"
)

func TestBytesHaveUnits(t *testing.T) {
	for text, want := range map[string]appsfile.Bytes{"0": 0, "4096": 4096, "2KiB": 2048, "64MiB": 64 << 20, "1 GiB": 1 << 30} {
		var got appsfile.Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1MB", "1.5MiB", "MiB", "9999999GiB"} {
		if err := new(appsfile.Bytes).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
