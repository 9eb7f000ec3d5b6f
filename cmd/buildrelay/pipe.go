package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"buildrelay/relay/appsfile"
	"buildrelay/relay/pipe"
)

// exitPipe is pipe's exit code where no command was run, as of env(1): 1 and 2
// could be the command's own.
const exitPipe = 125

const pipeUsage = `usage: buildrelay pipe --channel NAME [flags] [-- COMMAND …]

Runs a command, or reads standard input, and publishes what it prints as events
of a channel, while the output goes on to this terminal. The exit code is the
command's own. docs/PROTOCOL.md describes the events.

It publishes through the relay's HTTP API if RELAY_API_URL is set (or --url is
given), with RELAY_APP_KEY and RELAY_APP_SECRET, else through Redis at
RELAY_REDIS_URL; for the app RELAY_APP_ID. Instead of these three RELAY_APPS_FILE
may be set: its first app is meant, or the one of RELAY_APP_ID. The command is not
given the settings that are secrets, such as RELAY_APP_SECRET and RELAY_REDIS_URL,
or name files with some: RELAY_APPS_FILE, RELAY_KEYS_FILE and RELAY_…_KEY_FILE.

Where the channel is a log channel the relay keeps the output. The relay knows
that by its RELAY_LOG_RULES; whoever publishes through Redis sets the same here,
and RELAY_APP_SEAL and RELAY_KEYS_FILE where logs are sealed. A command can read
what its user can, and such a keys file opens all logs: use it for builds that
are trusted alone, and the HTTP API for others.

With --mask-env secrets are masked before anything leaves, and on this terminal, too:
a net for accidents, see "Secrets in the output" in docs/OPERATIONS.md.

When the relay can't be reached the build goes on, and its output is kept until
there is too much of it. What is lost is told to the readers, and here.

`

// pipeFlags is the command line of 'buildrelay pipe'.
type pipeFlags struct {
	to      target
	config  pipe.Config // as far as flags say it
	maskEnv []string    // names of variables
}

// runPipe is 'buildrelay pipe'. It returns the command's exit code.
//
// ctx ends with the signals that ask a server to stop. Here they are for the
// command, and what it does about them decides.
func runPipe(ctx context.Context, args []string) int {
	f, err := parsePipeFlags(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		report(err)
		return exitPipe
	}
	c, err := f.configure(ctx, os.Environ())
	if err != nil {
		report(err)
		return exitPipe
	}
	signals, stop := pipeSignals()
	defer stop()
	c.Signals = signals
	if len(c.Command) == 0 {
		c.Runner = input{os.Stdin, signals}.run
	}
	exit, err := pipe.Run(context.WithoutCancel(ctx), c)
	report(err)
	return exit.Code
}

func parsePipeFlags(args []string) (pipeFlags, error) {
	var f pipeFlags
	var buffer appsfile.Bytes = pipe.DefaultBuffer
	flags := flag.NewFlagSet("buildrelay pipe", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), pipeUsage)
		flags.PrintDefaults()
	}
	flags.StringVar(&f.config.Channel, "channel", "", "channel to publish on, such as private-build-7")
	flags.StringVar(&f.to.apiURL, "url", os.Getenv("RELAY_API_URL"), "URL of the relay's HTTP API, such as https://relay.example:6001")
	flags.StringVar(&f.to.caFile, "ca-file", "", "PEM file with the authority of the relay's certificate")
	flags.DurationVar(&f.config.Interval, "interval", 0, fmt.Sprintf("how long output waits for more (default %s, and %s where the channel has no log)", pipe.DefaultInterval, pipe.DefaultLiveInterval))
	flags.DurationVar(&f.config.IdleInterval, "idle-interval", pipe.DefaultIdleInterval, "how long it waits while nobody watches the log")
	flags.IntVar(&f.config.MaxData, "max-data", 0, "most bytes of an event's data (default 10240)")
	flags.Func("buffer", "output kept while the relay is away, and in case Redis loses the log, such as 64MiB (default 8MiB)", func(s string) error {
		return buffer.UnmarshalText([]byte(s))
	})
	flags.DurationVar(&f.config.FlushWait, "flush-wait", pipe.DefaultFlushWait, "how long to wait at the end for a relay that takes nothing")
	flags.Func("mask-env", "mask the values of these variables, such as DEPLOY_TOKEN,NPM_TOKEN, and tokens known by their form; may be given again", f.addMasked)
	if err := flags.Parse(args); err != nil {
		return f, err
	}
	f.config.Buffer = int(buffer)
	f.config.Command = flags.Args()
	if f.config.Channel == "" {
		return f, errors.New("pipe needs --channel, see 'buildrelay pipe -h'")
	}
	return f, nil
}

// configure completes what the flags say by the settings in environ.
func (f pipeFlags) configure(ctx context.Context, environ []string) (pipe.Config, error) {
	settings, err := loadConfig(environ)
	if err == nil {
		err = settings.loadKeys(ctx)
	}
	if err != nil {
		return pipe.Config{}, err
	}
	// Text, whatever it is written to: it stands among the output of a build.
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: settings.LogLevel}))
	c := f.config
	if c.Mask, err = maskedValues(f.maskEnv, environ); err != nil {
		return c, err
	}
	c.Log = log
	c.Env = withoutSecrets(environ)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	publisher, app, err := newPublisher(settings, f.to, log)
	if err == nil && f.to.apiURL == "" {
		err = checkSealedPipe(app, c)
	}
	c.Publisher, c.AppID = publisher, app.ID
	// Whoever publishes through Redis decides by its own rules; it may have no right to more.
	c.NoLog = f.to.apiURL == "" && app.Logs.Find(c.Channel) == nil
	return c, err
}

// withoutSecrets is the environment for a command. Whoever may change a build
// could read in it what lets him publish for all builds, or where that is.
func withoutSecrets(environ []string) []string {
	secrets := secretSettings()
	var env []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.Contains(secrets, name) && !namesSecretFile(name) {
			env = append(env, entry)
		}
	}
	return env
}

// namesSecretFile says whether a setting that is no secret names a file with secrets in it.
func namesSecretFile(setting string) bool {
	return slices.Contains([]string{"RELAY_APPS_FILE", "RELAY_KEYS_FILE"}, setting) ||
		strings.HasPrefix(setting, "RELAY_") && strings.HasSuffix(setting, "_KEY_FILE")
}

// pipeSignals returns the signals that are passed on to the command. What we were
// started to ignore (nohup) we go on ignoring, and so does the command.
//
// SIGPIPE is taken as well, and dropped: a terminal that is gone must be felt by
// the command, not end us before it is told how the build ended.
func pipeSignals() (signals chan os.Signal, stop func()) {
	signals = make(chan os.Signal, 8)
	dropped := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	signal.Notify(dropped, syscall.SIGPIPE)
	return signals, func() { signal.Stop(signals); signal.Stop(dropped) }
}
