package demo

import (
	"context"
	"time"

	"buildrelay/relay/pipe"
)

// Job is one build to run.
type Job struct {
	Command []string
	Dir     string      // working directory; "" is our own
	Env     []string    // nil is our own
	Runner  pipe.Runner // runs it instead of a process; Command then only names it
}

// Source returns the nth build of a run, from 1. Calls do not overlap.
type Source func(n int64) Job

// Repeat builds the same again and again. env is the command's environment, nil
// our own.
func Repeat(command, env []string) Source {
	return func(int64) Job { return Job{Command: command, Env: env} }
}

// slot runs one build after the other until ctx ends.
func (d *Demo) slot(ctx context.Context) {
	for ctx.Err() == nil {
		d.build(ctx)
		select {
		case <-time.After(d.c.Pause):
		case <-ctx.Done():
		}
	}
}

// build runs the next build to its end.
func (d *Demo) build(ctx context.Context) {
	var job Job
	b := d.store.begin(func(id int64) Build {
		job = d.c.Builds(1 + id - d.c.First)
		return Build{
			ID: id, Channel: channelOf(id), Command: commandLine(job.Command),
			Status: Running, Started: time.Now().UnixMilli(),
		}
	})
	log := d.c.Log.With("build", b.ID)
	printed := &printer{d.store, b.ID}
	exit, err := pipe.Run(ctx, pipe.Config{
		AppID: d.c.AppID, Channel: b.Channel, Publisher: d.c.Publisher,
		Command: job.Command, Dir: job.Dir, Env: job.Env, Runner: job.Runner,
		Stdout: printed, Stderr: printed, // one for both keeps their order
		Log: log,
	})
	d.store.finished(b.ID, exit, ctx.Err() != nil, time.Now().UnixMilli())
	log.Debug("build ended", "exit_code", exit.Code)
	if err != nil {
		log.Warn("build was not published completely", "error", err)
	}
}

// printer tells the store at once what a build prints: the list is never behind,
// however long output waits on its way to a log that nobody watches.
type printer struct {
	store *store
	build int64
}

func (p *printer) Write(output []byte) (int, error) {
	p.store.printed(p.build, output)
	return len(output), nil
}
