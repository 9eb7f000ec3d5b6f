package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// runServe is 'buildrelay serve'.
func runServe(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("buildrelay serve", flag.ContinueOnError)
	if err := parse(flags, args); err != nil {
		return err
	}
	c, soketi, err := loadWithSoketi(os.Environ())
	if err != nil {
		return err
	}
	if err := c.loadKeys(ctx); err != nil {
		return soketi.explain(err)
	}
	redis, err := soketi.startRedis(&c)
	if err != nil {
		return err
	}
	defer redis.Close()
	if err := c.check(); err != nil {
		return soketi.explain(err)
	}
	reloads := make(chan os.Signal, 1)
	signal.Notify(reloads, syscall.SIGHUP) // to the end: it never ends the process
	signal.Ignore(syscall.SIGPIPE)         // that nobody reads the log, or the audit trail, ends nothing
	log := newLogger(os.Stderr, c.LogLevel)
	soketi.tell(log)
	for _, name := range unknownSettings(os.Environ()) {
		log.Warn("not a setting, is it misspelt?", "name", name)
	}
	l, err := c.listener()
	if err != nil {
		return err
	}
	n, err := newNode(c, log, nil)
	if err != nil {
		return err
	}
	if n.systemd, err = newSystemd(os.Getenv, log); err != nil {
		return err
	}
	defer n.systemd.Close()
	n.reloads = reloads
	if redis.Embedded == nil {
		if err := n.checkRedis(ctx); err != nil {
			return err
		}
	}
	return n.run(ctx, []listener{l})
}

// listener is where the settings say to serve.
func (c *Config) listener() (listener, error) {
	if !c.TLS {
		return listener{address: c.Listen}, nil
	}
	shown, err := c.shown()
	if err != nil {
		return listener{}, err
	}
	return listener{address: c.Listen, tls: shown.config(), shown: shown}, nil
}

// parse parses flags and refuses other arguments.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return usageError(err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes no argument %q", flags.Name(), flags.Arg(0))
	}
	return nil
}

// errUsage says that the flag package has told what is wrong.
var errUsage = errors.New("wrong usage")

// usageError keeps apart who asked for help and who needs it.
func usageError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return errUsage
}

// newLogger logs as text to a terminal, as JSON elsewhere.
func newLogger(w *os.File, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if term.IsTerminal(int(w.Fd())) {
		return slog.New(slog.NewTextHandler(io.Writer(w), options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
