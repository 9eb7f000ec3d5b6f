package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestLogRulesAreRead(t *testing.T) {
	var got LogRules
	if err := got.UnmarshalText([]byte(" private-build-* replay=all events=5 bytes=1MiB keep=90m; ;a-* replay=64KiB;b replay=7;c replay=none replicas=1")); err != nil {
		t.Fatal(err)
	}
	rule := func(pattern string, replay protocol.Start) protocol.LogRule {
		return protocol.LogRule{Pattern: pattern, Events: 20_000, Bytes: 8 << 20, Keep: 24 * time.Hour, Replay: replay}
	}
	want := LogRules{
		{Pattern: "private-build-*", Events: 5, Bytes: 1 << 20, Keep: 90 * time.Minute, Replay: protocol.Start{Kind: protocol.StartFirst}},
		rule("a-*", protocol.Start{Kind: protocol.StartBytes, N: 64 << 10}),
		rule("b", protocol.Start{Kind: protocol.StartCount, N: 7}),
		{Pattern: "c", Events: 20_000, Bytes: 8 << 20, Keep: 24 * time.Hour, Replicas: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

func TestWrongLogRulesAreRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		"bad:name":        `"bad:name" is no channel name`,
		"a replay=yes":    "replay=yes: it must be none, all",
		"a replay=0":      "replay=0",
		"a events=0":      "events=0: it must be a whole number",
		"a bytes=1KiB":    "bytes=1KiB: it must be an amount such as 8MiB, of at least 128KiB",
		"a keep=24":       "keep=24: it must be a time",
		"a keep=99999h":   "of at most ten years",
		"a replicas=11":   "replicas=11: it must be a whole number from 0 to 10",
		"a colour=red":    `"colour=red" is none of replay=, events=, bytes=, keep= and replicas=`,
		"ok; b replay=-1": `rule "b replay=-1"`,
	} {
		var r LogRules
		if err := r.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
