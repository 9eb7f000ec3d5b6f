package main

import (
	"slices"
	"strings"
	"testing"
)

func TestTheCommandOfSoketisImageIsUnderstood(t *testing.T) {
	for command, want := range map[string]string{
		"serve": "serve",
		"start": "start",
		"--max-old-space-size=256 --optimize_for_size /app/bin/server.js start": "start",
		"/app/bin/server.js start --config=x":                                   "start --config=x",
		"/app/bin/server.js":                                                    "",
		"pipe --channel server.js":                                              "pipe --channel server.js",
		"--help":                                                                "--help",
	} {
		if got := withoutNode(strings.Fields(command)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

func TestSoketisFileOfSettingsIsRefused(t *testing.T) {
	err := runStart(t.Context(), []string{"--config", "soketi.json"})
	if err == nil || !strings.Contains(err.Error(), "soketi.json") || !strings.Contains(err.Error(), "SOKETI_") {
		t.Errorf("got %v", err)
	}
}
