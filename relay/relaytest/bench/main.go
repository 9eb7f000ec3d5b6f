// Command bench measures what the relay costs, over real sockets of loopback, with
// the real binary and a real Redis, beside the plain pattern of gorilla's chat
// example (package naive). It prints a Markdown table. Run it from the module's
// root; it needs redis-server and the Go toolchain.
//
// The measure is CPU time of the server process per delivery, that is, per event
// and reader. It holds on a machine that others use as well, where rates do not.
// Rounds take turns, and the table has their medians.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is a run of the tool.
type bench struct {
	dir      string
	redis    *redisServer
	certs    *certs
	subjects []subject
	rounds   int
	span     time.Duration
	scale    float64 // of the numbers in the studies
}

// scaled is n or, where measuring is only tried, less.
func (b *bench) scaled(n int) int { return max(1, int(b.scale*float64(n))) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == probeCommand {
		return runProbe(ctx, args[1:], os.Stdout)
	}
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("cases", "", "comma-separated names of the cases to run: "+strings.Join(caseNames(), ", "))
	relay := flags.String("relay", "", "a built relay; empty builds it")
	other := flags.String("other", "", "another built relay to compare with")
	naive := flags.Bool("naive", true, "whether to measure the naive hub as well")
	flags.IntVar(&b.rounds, "rounds", 3, "rounds of each case")
	flags.DurationVar(&b.span, "span", 1500*time.Millisecond, "time that a round is looked at")
	flags.Float64Var(&b.scale, "scale", 1, "part of the lines, clients and channels that the cases with a table of their own take")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "buildrelay-bench-"); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(b.dir)
	if err := b.prepare(ctx, *relay, *other, *naive); err != nil {
		return err
	}
	defer b.redis.close()
	return b.measure(ctx, chosen)
}

// prepare builds the subjects and starts Redis.
func (b *bench) prepare(ctx context.Context, relay, other string, naive bool) (err error) {
	if relay == "" {
		if relay, err = b.build(ctx, "buildrelay/cmd/buildrelay"); err != nil {
			return err
		}
	}
	b.subjects = append(b.subjects, subject{name: "buildrelay", binary: relay})
	if other != "" {
		b.subjects = append(b.subjects, subject{name: "other", binary: other})
	}
	if naive {
		binary, err := b.build(ctx, "buildrelay/relay/relaytest/bench/naive")
		if err != nil {
			return err
		}
		b.subjects = append(b.subjects, subject{name: "naive", binary: binary, naive: true})
	}
	if b.certs, err = newCerts(b.dir); err != nil {
		return err
	}
	b.redis, err = startRedis(ctx, b.dir)
	return err
}

func (b *bench) build(ctx context.Context, pkg string) (string, error) {
	path := filepath.Join(b.dir, filepath.Base(pkg))
	output, err := exec.CommandContext(ctx, "go", "build", "-o", path, pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, output)
	}
	return path, nil
}

func (b *bench) certsFor(tls bool) *certs {
	if tls {
		return b.certs
	}
	return nil
}

// measure runs the chosen cases, then prints the tables.
func (b *bench) measure(ctx context.Context, chosen []string) error {
	rows, err := b.measureCases(ctx, cases(), b.subjects, chosen)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		printTable(os.Stdout, rows)
	}
	rows, err = b.measureCases(ctx, logCases(), b.relays("", logRules), chosen)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		printPairs(os.Stdout, rows)
	}
	for _, s := range studies() {
		if !slices.Contains(chosen, s.name) {
			continue
		}
		if err := s.measure(b, ctx, os.Stdout); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// measureCases measures those of the cases that were chosen.
func (b *bench) measureCases(ctx context.Context, all []benchCase, subjects []subject, chosen []string) ([]row, error) {
	var rows []row
	for _, c := range all {
		if !slices.Contains(chosen, c.name) {
			continue
		}
		measured, err := b.measureCase(ctx, c, subjects)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, measured...)
	}
	return rows, nil
}

// measureCase lets the subjects take turns. Memory needs one round only.
func (b *bench) measureCase(ctx context.Context, c benchCase, subjects []subject) ([]row, error) {
	rounds := b.rounds
	if c.load == nil {
		rounds = 1
	}
	results, err := inTurn(rounds, subjects, func(s subject, round int) (sample, error) {
		b.progress(c.name, s, round, rounds)
		result, err := c.run(ctx, s, b)
		if err != nil {
			err = fmt.Errorf("%s: %w", s.name, err)
		}
		return result, err
	})
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(subjects))
	for i, s := range subjects {
		rows[i] = row{c.title, s.name, results[i]}
	}
	return rows, nil
}

// progress tells who waits what is measured now.
func (b *bench) progress(name string, s subject, round, rounds int) {
	fmt.Fprintf(os.Stderr, "%s, %s (%s), round %d of %d\n", name, s.name, s.channelKind(), round+1, rounds)
}

func caseNames() []string {
	var names []string
	for _, c := range slices.Concat(cases(), logCases()) {
		names = append(names, c.name)
	}
	for _, s := range studies() {
		names = append(names, s.name)
	}
	return names
}

// choose reads the -cases flag; empty means all.
func choose(list string) ([]string, error) {
	all := caseNames()
	if list == "" {
		return all, nil
	}
	chosen := strings.Split(list, ",")
	for _, name := range chosen {
		if !slices.Contains(all, name) {
			return nil, errors.New("there is no case " + name)
		}
	}
	return chosen, nil
}
