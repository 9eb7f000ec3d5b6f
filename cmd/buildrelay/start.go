package main

import (
	"context"
	"flag"
	"fmt"
	"path"
	"slices"
	"strings"
)

// runStart is 'buildrelay start', the command of soketi's image: serve, for settings that
// are soketi's.
func runStart(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("buildrelay start", flag.ContinueOnError)
	config := flags.String("config", "", "soketi's file of settings; it is not read")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *config != "" {
		return fmt.Errorf("--config %s: the file is not read, give its settings as SOKETI_… or RELAY_… variables", *config)
	}
	return runServe(ctx, nil)
}

// withoutNode returns the arguments behind soketi's script, which are its image's:
// /app/bin/server.js start, with options of Node.js before it in its chart.
func withoutNode(args []string) []string {
	script := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if script < 0 || path.Base(args[script]) != "server.js" {
		return args
	}
	return args[script+1:]
}
