package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// exitBroken is our exit code where no build was run at all, as of env(1) and
// other programs that run programs.
const exitBroken = 125

var errSilent = errors.New("the relay did not answer in time")

// Unpublished is the error of a build whose events did not all reach the relay.
// The build itself went on undisturbed.
type Unpublished struct {
	Bytes int64 // of output that were not published
	Total int64 // of output altogether
	Err   error // why the last of it was not, nil if only older output was dropped
}

func (u *Unpublished) Error() string {
	text := fmt.Sprintf("%d of %d bytes of output were not published", u.Bytes, u.Total)
	if u.Err != nil {
		text += ", nor was the end of the build: " + u.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (u *Unpublished) Unwrap() error { return u.Err }

// Run runs one build and publishes it. It returns when the build has ended and is
// published, or when for c.FlushWait nothing more of it was, and leaves no goroutine behind. With c.Mask it waits for a
// terminal that is stopped as well, if output was held back; readers do not.
//
// It returns how the build ended, with its own exit code: of the command, 128+n if
// signal n killed it, 127 or 126 if it could not be found or run (which is told on
// Stderr and in the log, as a shell would), 0 for standard input. The code is 125 if c
// is invalid.
// The error, if any, is about the publishing: an [*Unpublished], or what is
// wrong with c.
//
// When ctx ends the command gets SIGTERM and, 5 s later, SIGKILL. What is not
// yet published still has its c.FlushWait.
func Run(ctx context.Context, c Config) (Exit, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Exit{Code: exitBroken}, fmt.Errorf("pipe: %w", err)
	}

	out := newOutbox(c.Buffer)
	batch := newBatcher(c.liveInterval(), c.MaxData-outputEnvelope, out)
	send := newDelivery(c, out, batch.pace)
	publishing, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	ended := make(chan struct{})
	var end Finished // set before the outbox is closed

	var g errgroup.Group
	g.Go(func() error { batch.run(ended); return nil })
	published := make(chan struct{})
	g.Go(func() error {
		defer close(published)
		send.run(publishing, started(c), &end)
		return nil
	})
	stdout, stderr, screens := screened(c, batch)
	for _, s := range screens {
		g.Go(func() error { s.run(ended); return nil })
	}
	exit := build(ctx, c, stdout, stderr)
	end = finished(exit)
	screens.flush()
	close(ended)
	batch.close()
	g.Go(func() error { send.watch(published, giveUp); return nil })
	screens.show()
	_ = g.Wait()
	screens.report(c.Log)
	return exit, send.unpublished()
}

// build runs what c says and returns how it ended.
func build(ctx context.Context, c Config, stdout, stderr io.Writer) Exit {
	var exit Exit
	var err error
	switch {
	case c.Runner != nil:
		exit, err = c.Runner(ctx, stdout, stderr)
	case len(c.Command) > 0:
		exit, err = runCommand(ctx, c, stdout, stderr)
	default:
		exit, err = readInput(ctx, c, stdout)
	}
	if err != nil {
		_, _ = io.WriteString(stderr, "buildrelay: "+err.Error()+"\n")
	}
	return exit
}

func started(c Config) Started {
	return Started{Command: c.maskedCommand(), Time: time.Now().UnixMilli()}.fit(c.MaxData)
}

func finished(e Exit) Finished {
	f := Finished{Signal: e.Signal, Time: time.Now().UnixMilli()}
	if e.Signal == "" && !e.Unknown {
		f.ExitCode = &e.Code
	}
	return f
}
