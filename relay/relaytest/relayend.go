package relaytest

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// LaunchRelay is StartRelay, but does not wait until the relay is ready: it may be meant
// never to be so, or to end by itself.
func LaunchRelay(t testing.TB, env map[string]string) *Relay {
	t.Helper()
	return LaunchRelayOf(t, Build(t), env)
}

// LaunchRelayOf is LaunchRelay with the binary at path.
func LaunchRelayOf(t testing.TB, path string, env map[string]string) *Relay {
	t.Helper()
	r := prepare(t, path, env, nil)
	r.launch()
	t.Cleanup(func() {
		r.process.stop(os.Kill)
		if broken.MatchString(r.process.said()) {
			t.Errorf("buildrelay panicked or has a data race:\n%s", r.process.said())
		}
	})
	return r
}

// AwaitEnd waits until the process has ended, as it was asked to, and returns how.
func (r *Relay) AwaitEnd(patience time.Duration) *os.ProcessState {
	r.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-r.process.ended:
	case <-timer.C:
		r.t.Fatalf("buildrelay has not ended within %v:\n%s", patience, r.process.said())
	}
	return r.process.cmd.ProcessState
}

// Signaled is the signal that ended a process, 0 if it ended by itself.
func Signaled(state *os.ProcessState) syscall.Signal {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}

// PID is the number of the process.
func (r *Relay) PID() int { return r.process.cmd.Process.Pid }

// Runs says whether the process runs.
func (r *Relay) Runs() bool { return r.process.running() }
