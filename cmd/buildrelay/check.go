package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"buildrelay/relay/checkup"
)

const checkUsage = `Usage:

	buildrelay check [flags]

It finds out whether an installation is well made: the settings, which are those of serve, the
files, Redis, and the relay itself, through which it sends an event. Run it where a node runs, with
its environment. The exit code is 0 where all is well, 1 where something failed, and 2 where the
settings cannot be read.

`

// checkFlags say what to look at.
type checkFlags struct {
	url    string // of the relay, as browsers have it; empty for the node on this machine
	caFile string // PEM file with the authority that browsers know; empty is the system's
	slow   bool
	json   bool
}

// runCheck is 'buildrelay check'.
func runCheck(ctx context.Context, args []string) int {
	f, err := parseCheck(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var k *checking
	if err == nil {
		k, err = newChecking(ctx, f, os.Environ())
	}
	if err != nil {
		_ = reportTo(os.Stderr, err)
		return exitUsage
	}
	defer k.close()
	report := checkup.NewReport(k.run(ctx))
	if err := printReport(os.Stdout, report, f.json); err != nil {
		return reportTo(os.Stderr, fmt.Errorf("printing what was found: %w", err))
	}
	if !report.OK {
		return exitFailure
	}
	return 0
}

func parseCheck(args []string) (f checkFlags, err error) {
	flags := flag.NewFlagSet("buildrelay check", flag.ContinueOnError)
	flags.Usage = func() {
		_, _ = io.WriteString(flags.Output(), checkUsage) // it goes where the flags' own usage goes
		flags.PrintDefaults()
	}
	flags.BoolVar(&f.json, "json", false, "print JSON, for programs")
	flags.StringVar(&f.url, "url", "", "`URL` of the relay as browsers have it, through all proxies, such as https://relay.example.com; by default the node on this machine is looked at")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM `FILE` with the authority of the relay's certificate; by default those of the system")
	flags.BoolVar(&f.slow, "slow", false, "look at what takes longer: whether a silent connection lasts, and which keys the logs in Redis need")
	return f, parse(flags, args)
}

// address reads the flag url; nil where it is not given.
func (f checkFlags) address() (*url.URL, error) {
	if f.url == "" {
		return nil, nil //nolint:nilnil // as said
	}
	u, err := url.Parse(f.url)
	if err == nil {
		u.Path = strings.TrimSuffix(u.Path, "/")
	}
	// What is more would be cut off: clients know a relay by its host alone.
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || *u != (url.URL{Scheme: u.Scheme, Host: u.Host}) {
		return nil, errors.New("--url must be http://HOST or https://HOST, with a port if need be, and nothing behind")
	}
	return u, nil
}

func printReport(out io.Writer, report checkup.Report, asJSON bool) error {
	if !asJSON {
		return report.Print(out)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
