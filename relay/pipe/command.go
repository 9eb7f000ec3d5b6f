package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// The exit codes of what could not be run, as shells have them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignal    = 128 // plus the signal
)

// patience is how long we wait, once the command has ended, for processes it
// left behind that still hold its output; and, when a build is stopped, between
// asking and killing.
const patience = 5 * time.Second

// runCommand runs the command and returns how it ended. The error is set if it
// could not be started.
func runCommand(ctx context.Context, c Config, stdout, stderr io.Writer) (Exit, error) {
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return notStarted(c.Command[0], err)
	}

	ended := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error {
		forward(c.Signals, cmd.Process, ended)
		return nil
	})
	// Its error repeats the exit code, or tells of our own terminal: neither
	// changes how the command ended.
	_ = cmd.Wait()
	close(ended)
	_ = g.Wait()
	return exitOf(cmd.ProcessState), nil
}

// forward passes signals on until ended is closed.
func forward(signals <-chan os.Signal, p *os.Process, ended <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			if (s == os.Interrupt || s == syscall.SIGQUIT) && foreground() {
				continue // the terminal sent it to the command as well
			}
			_ = p.Signal(s) // fails only if the command has just ended
		case <-ended:
			return
		}
	}
}

// foreground reports whether Ctrl-C on our terminal goes to us, and so to the
// command, which is in our process group. Passing it on would make it two, and
// to the second many programs stop without cleaning up.
func foreground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // no terminal
	}
	defer func() { _ = tty.Close() }()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// notStarted tells like a shell why a command could not be run.
func notStarted(name string, err error) (Exit, error) {
	code := exitCannotRun
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = exitNotFound
	}
	return Exit{Code: code}, fmt.Errorf("cannot run %q: %w", name, reason(err))
}

// reason strips the layers of err that repeat the command's name.
func reason(err error) error {
	var execErr *exec.Error
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &execErr):
		return execErr.Err
	case errors.As(err, &pathErr) && pathErr.Op == "fork/exec":
		return pathErr.Err
	default:
		return err
	}
}

func exitOf(s *os.ProcessState) Exit {
	status, ok := s.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return Exit{Code: s.ExitCode()}
	}
	return Exit{Code: exitSignal + int(status.Signal()), Signal: unix.SignalName(status.Signal())}
}
