// Command buildrelay relays build output from a CI backend to browsers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

const usage = `buildrelay relays build output to browsers that run pusher-js.

Usage:

	buildrelay serve                         run a relay; settings are RELAY_… variables
	buildrelay start                         the same, as soketi's image is started
	buildrelay demo [-- COMMAND …]           relay, Redis, a small CI backend and builds in one process
	buildrelay pipe --channel NAME [-- COMMAND …]
	                                         run a command and publish its output
	buildrelay tail CHANNEL                  print the log of a build and follow it
	buildrelay cert --dir DIR [--host NAME]  make a certificate for trying things out
	buildrelay redis install|script|check    prepare and check the Redis for logs
	buildrelay audit export|tail|verify      read the audit trail, and prove that nobody changed it
	buildrelay keys create|rotate|list|retire|seal
	                                         the keys that seal logs and secrets
	buildrelay check                         find out whether an installation is well made
	buildrelay health                        ask the node on this machine whether it is ready
	buildrelay version                       say which version this is

'buildrelay COMMAND -h' tells more. docs/CONFIG.md lists the settings.
`

// The exit codes that are not a command's own.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	os.Exit(run(untilSignal(context.Background()), os.Args[1:]))
}

// untilSignal returns a context that a signal ends; another one then ends the process at
// once. That is so before anybody can see that the context has ended: the second signal may
// come soon. It is for the whole life of the process.
func untilSignal(ctx context.Context) context.Context {
	ctx, end := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() { // the process does not wait for it
		<-signals
		signal.Stop(signals)
		end()
	}()
	return ctx
}

// run carries out one command and returns the exit code.
func run(ctx context.Context, args []string) int {
	args = withoutNode(args)
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitUsage
	}
	command, args := args[0], args[1:]
	switch command {
	case "serve":
		return report(runServe(ctx, args))
	case "start":
		return report(runStart(ctx, args))
	case "demo":
		return report(runDemo(ctx, args))
	case "pipe":
		return runPipe(ctx, args)
	case "tail":
		return runTail(ctx, args)
	case "cert":
		return report(runCert(args))
	case "redis":
		return report(runRedis(ctx, args))
	case "audit":
		return report(runAudit(ctx, args))
	case "keys":
		return report(runKeys(ctx, args))
	case "check":
		return runCheck(ctx, args)
	case "health":
		return report(runHealth(ctx, args))
	case "version":
		fmt.Println(version())
		return 0
	case "help", "-h", "--help":
		fmt.Print(usage)
		return 0
	default:
		fmt.Fprintf(os.Stderr, "buildrelay: there is no command %q\n\n%s", command, usage)
		return exitUsage
	}
}

// report prints what went wrong, unless the flag package has done so, and returns the
// exit code.
func report(err error) int { return reportTo(os.Stderr, err) }

func reportTo(w io.Writer, err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return exitUsage
	}
	fmt.Fprintln(w, "buildrelay:", err)
	return exitFailure
}

// version is the module's version, or the revision that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "buildrelay (unknown version)"
	}
	text := "buildrelay " + info.Main.Version + " " + info.GoVersion
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " " + s.Value
		}
	}
	return text
}
