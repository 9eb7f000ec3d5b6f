package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"golang.org/x/term"

	"buildrelay/protocol"
	"buildrelay/relay/api"
)

const tailUsage = `usage: buildrelay tail [flags] CHANNEL

Prints the text of a build's log, as the build printed it, and goes on until the
build ends. What is missing is told on stderr. It reads the log of a log channel by
the HTTP API of the relay at RELAY_API_URL, with RELAY_APP_ID, RELAY_APP_KEY and
RELAY_APP_SECRET, or RELAY_APPS_FILE, whose first app is meant. When the relay goes away it tries again, and goes on where it was.

The exit code is 0 if all that was asked for was printed, 1 if something was missing
or could not be read, and 130 if a signal ended it before the build did.

`

const (
	exitInterrupted = 130
	// waitOnce is how long one call waits for something new.
	waitOnce = 15 * time.Second
	// tailPause is the time between two tries to reach the relay.
	tailPause = time.Second
)

// tailFlags is the command line of 'buildrelay tail'.
type tailFlags struct {
	to       target
	channel  string
	follow   bool
	lines    int // the newest; -1 for all
	since    string
	printURL bool
}

func runTail(ctx context.Context, args []string) int {
	f, err := parseTailFlags(args)
	if err != nil {
		return report(err)
	}
	c, err := loadConfig(os.Environ())
	if err == nil {
		err = c.loadKeys(ctx)
	}
	if err != nil {
		return report(err)
	}
	client, err := newLogClient(c, f.to, f.channel)
	if err != nil {
		return report(err)
	}
	if f.printURL {
		fmt.Println(client.GetURL(client.path+"/log", f.urlQuery()))
		return 0
	}
	t := &tail{client: client, flags: f, out: os.Stdout, notices: os.Stderr}
	t.sameTerminal = term.IsTerminal(int(os.Stdout.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
	err = t.run(ctx)
	switch {
	case ctx.Err() != nil:
		if t.since != "" {
			t.tell("stopped; --since " + t.since + " goes on from here")
		}
		return exitInterrupted
	case err == nil && t.missing:
		return exitFailure
	default:
		return report(err)
	}
}

func parseTailFlags(args []string) (tailFlags, error) {
	f := tailFlags{follow: true}
	flags := flag.NewFlagSet("buildrelay tail", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), tailUsage)
		flags.PrintDefaults()
	}
	flags.StringVar(&f.to.apiURL, "url", os.Getenv("RELAY_API_URL"), "URL of the relay's HTTP API, such as https://relay.example:6001")
	flags.StringVar(&f.to.caFile, "ca-file", "", "PEM file with the authority of the relay's certificate")
	flags.BoolVar(&f.follow, "f", true, "go on until the build ends")
	flags.BoolVar(&f.follow, "follow", true, "the same as -f")
	flags.BoolFunc("no-follow", "end with what is there", func(string) error { f.follow = false; return nil })
	flags.IntVar(&f.lines, "n", -1, "begin with the last so many lines; -1 is all")
	flags.StringVar(&f.since, "since", "", "begin behind this position")
	flags.BoolVar(&f.printURL, "print-url", false, "print a signed URL of the text instead, good for ten minutes, for curl -N")
	if err := flags.Parse(args); err != nil {
		return f, usageError(err)
	}
	f.channel = flags.Arg(0)
	if flags.NArg() > 0 { // flags may stand behind the channel, too
		if err := parse(flags, flags.Args()[1:]); err != nil {
			return f, err
		}
	}
	return f, f.check()
}

func (f tailFlags) check() error {
	if f.channel == "" {
		return errors.New("tail needs a channel, see 'buildrelay tail -h'")
	}
	if err := protocol.CheckChannel(f.channel, protocol.MaxChannelName); err != nil {
		return err
	}
	if f.since != "" {
		if _, err := protocol.ParsePosition(f.since); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
	}
	if f.lines >= 0 && f.since != "" {
		return errors.New("-n and --since both say where to begin, give one")
	}
	if f.printURL && (f.lines >= 0 || f.since != "") {
		return errors.New("--print-url is for the whole log: -n and --since do not go with it")
	}
	return nil
}

func (f tailFlags) urlQuery() url.Values {
	if f.follow {
		return url.Values{"follow": {"1"}}
	}
	return nil
}

// tail prints a log.
type tail struct {
	client  *logClient
	flags   tailFlags
	out     io.Writer
	notices io.Writer
	// sameTerminal says that a person sees both on one screen.
	sameTerminal bool

	since   string // the position behind what was printed; empty before the beginning
	missing bool   // something of what was asked for is
	midLine bool   // what was printed does not end with a line end
	reached bool   // the relay has answered before
}

func (t *tail) run(ctx context.Context) error {
	t.since = t.flags.since
	if t.flags.lines >= 0 {
		if ended, err := t.printLast(ctx, t.flags.lines); ended || err != nil {
			return err
		}
	}
	for {
		page, err := t.ask(ctx, t.query())
		if err != nil {
			return err
		}
		if err := t.print(piecesOf(page)); err != nil {
			return err
		}
		if page.Next == nil || !t.flags.follow && *page.Next == page.Position {
			return nil
		}
		t.since = *page.Next
	}
}

// query asks for what follows.
func (t *tail) query() url.Values {
	q := url.Values{"limit": {"500"}}
	if t.since != "" {
		q.Set("since", t.since)
	}
	if t.flags.follow && t.reached {
		q.Set("wait", waitOnce.String())
	}
	return q
}

// ask asks until it is answered, once there has been an answer, and once else: a
// wrong address does not become right.
func (t *tail) ask(ctx context.Context, q url.Values) (*api.History, error) {
	for away := false; ; away = true {
		page, err := t.client.history(ctx, q)
		switch {
		case err == nil:
			if away {
				t.tell("the relay is back")
			}
			return page, t.greet(page)
		case !errors.Is(err, errAway) || !t.reached || !t.flags.follow:
			return nil, err
		case !away && ctx.Err() == nil:
			t.tell(err.Error() + "; trying again")
		}
		select {
		case <-time.After(tailPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// greet looks at the first answer, for a channel that was misspelt, say.
func (t *tail) greet(page *api.History) error {
	noLog := page.Position == protocol.Position{}.String()
	switch {
	case t.reached || !noLog || page.Gap != nil:
	case !t.flags.follow:
		return fmt.Errorf("the channel %s has no log, not yet or not any more", t.flags.channel)
	default:
		t.tell("the channel " + t.flags.channel + " has no log yet; waiting")
	}
	t.reached = true
	return nil
}

// printLast prints the last lines, and says whether the log ends with them.
func (t *tail) printLast(ctx context.Context, lines int) (ended bool, err error) {
	q := url.Values{"before": {"end"}, "limit": {"500"}}
	var pieces []piece
	var next *string
	for first := true; ; first = false {
		page, err := t.ask(ctx, q)
		if err != nil {
			return false, err
		}
		if first {
			next = page.Next
		}
		pieces = append(piecesOf(page), pieces...)
		if last := lastLines(pieces, lines); len(last) < len(pieces) || page.Previous == nil {
			pieces = last
			break
		}
		q.Set("before", *page.Previous)
	}
	if next != nil {
		t.since = *next
	}
	return next == nil, t.print(pieces)
}

func (t *tail) print(pieces []piece) error {
	for _, p := range pieces {
		if p.missing != "" {
			t.missing = true
			t.tell(p.missing)
		}
		if len(p.text) == 0 {
			continue
		}
		if _, err := t.out.Write(p.text); err != nil {
			return fmt.Errorf("printing the log: %w", err)
		}
		t.midLine = p.text[len(p.text)-1] != '\n'
	}
	return nil
}

// tell tells something about the log on stderr, where that is the terminal on a line
// of its own.
func (t *tail) tell(text string) {
	if t.midLine && t.sameTerminal {
		fmt.Fprintln(t.notices)
	}
	fmt.Fprintln(t.notices, "buildrelay:", text)
}
