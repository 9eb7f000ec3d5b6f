package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"buildrelay/relay/pipe"
)

// inputPatience is how long standard input is read on after a signal: in
// 'make | buildrelay pipe' Ctrl-C goes to both, and make has last words.
const inputPatience = 2 * time.Second

// input is a build that somebody else runs: what it prints comes from a file.
type input struct {
	file    *os.File
	signals <-chan os.Signal
}

// run is a [pipe.Runner]. It ends with the file, or when a signal says so.
func (in input) run(_ context.Context, stdout, _ io.Writer) (pipe.Exit, error) {
	var err error
	copied := make(chan struct{})
	// A read that blocks can't be broken off, so after a signal nobody waits for
	// this: it ends with the process.
	go func() {
		defer close(copied)
		_, err = io.Copy(stdout, in.file)
	}()
	select {
	case <-copied:
		return ended(err)
	case s := <-in.signals:
		in.lastWords(copied)
		return interrupted(s), nil
	}
}

// lastWords waits for the end of the file a little longer, until a second signal
// comes. A person who types has nothing to add to Ctrl-C.
func (in input) lastWords(copied <-chan struct{}) {
	if term.IsTerminal(int(in.file.Fd())) {
		return
	}
	select {
	case <-copied:
	case <-in.signals:
	case <-time.After(inputPatience):
	}
}

// ended is the exit of a build whose exit code a pipe does not tell.
func ended(err error) (pipe.Exit, error) {
	if err != nil {
		return pipe.Exit{Code: exitFailure, Unknown: true}, fmt.Errorf("copying standard input: %w", err)
	}
	return pipe.Exit{Unknown: true}, nil
}

func interrupted(s os.Signal) pipe.Exit {
	number, ok := s.(syscall.Signal)
	if !ok {
		return pipe.Exit{Code: exitFailure, Unknown: true}
	}
	return pipe.Exit{Code: 128 + int(number), Signal: unix.SignalName(number)}
}
