package main

import (
	"context"
	"io"
)

// study is a measurement with a table of its own.
type study struct {
	name    string
	measure func(b *bench, ctx context.Context, w io.Writer) error
}

func studies() []study {
	return []study{
		{"fair", (*bench).measureFairness},
		{"log-replay", (*bench).measureReplay},
		{"log-resume", (*bench).measureResume},
		{"log-quiet", (*bench).measureQuiet},
		{"presence-join", (*bench).measurePresenceJoin},
		{"presence-bytes", (*bench).measurePresenceBytes},
		{"presence-loss", (*bench).measurePresenceLoss},
		{"channels-100k", (*bench).measureManyChannels},
		{"sign-ins", (*bench).measureSignins},
		{"publish", (*bench).measurePublishing},
		{"webhooks", (*bench).measureHooks},
		{"fallback", (*bench).measureFallback},
		{"reset", (*bench).measureReset},
		{"drain", (*bench).measureDrain},
		{"nodes", (*bench).measureNodes},
		{"handshakes", (*bench).measureHandshakes},
		{"rotate", (*bench).measureRotation},
	}
}
