package pipe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

func maskOf(t *testing.T, values ...string) *mask.Set {
	t.Helper()
	set, refused := mask.NewSet(values, mask.Shapes())
	if len(refused) > 0 {
		t.Fatalf("refused: %v", refused)
	}
	return set
}

func TestSecretsAreMaskedForReadersAndTerminal(t *testing.T) {
	var stdout, stderr, told bytes.Buffer
	got, exit := run(t, Config{
		Command: shell(`printf 'a hunt'; printf 'hunter2' >&2; printf 'er2xyz b\n'; printf 'xyz hunt' >&2; exit 3 # hunter2xyz`),
		Stdout:  &stdout, Stderr: &stderr, Mask: maskOf(t, "hunter2xyz"),
		Log: slog.New(slog.NewTextHandler(&told, nil)),
	})
	if exit != 3 || stdout.String() != "a *** b\n" || stderr.String() != "*** hunt" {
		t.Errorf("exit code %d, stdout %q, stderr %q", exit, stdout.String(), stderr.String())
	}
	if len(got.text) != len("a *** b\n*** hunt") || strings.Count(got.text, "***") != 2 {
		t.Errorf("published %q", got.text)
	}
	if command := fmt.Sprint(got.started.Command); strings.Contains(command, "hunter2xyz") || !strings.Contains(command, "***") {
		t.Errorf("the command is told as %s", command)
	}
	if !strings.Contains(told.String(), "value=2") || strings.Contains(told.String(), "hunter2xyz") {
		t.Errorf("the log says %q", told.String())
	}
}

func TestACommandThatCannotBeRunTellsNoSecret(t *testing.T) {
	var stderr bytes.Buffer
	got, _ := run(t, Config{Command: []string{"/no/such/hunter2xyz"}, Stderr: &stderr, Mask: maskOf(t, "hunter2xyz")})
	if all := fmt.Sprint(got, stderr.String()); strings.Contains(all, "hunter2xyz") {
		t.Errorf("told is %s", all)
	}
}

// Each of both outputs may begin a secret; the other's bytes are none of its.
func TestStreamsThatAreOneAreMaskedAsOne(t *testing.T) {
	var terminal bytes.Buffer
	got, _ := run(t, Config{
		Command: shell(`printf 'hunt'; printf 'er2xyz\n' >&2`),
		Stdout:  &terminal, Stderr: &terminal, Mask: maskOf(t, "hunter2xyz"),
	})
	if got.text != "***\n" || terminal.String() != "***\n" {
		t.Errorf("published %q, terminal %q", got.text, terminal.String())
	}
}

// The first letter of a secret is the last of a prompt, and its program waits for an
// answer that comes when the prompt is seen.
func TestAPromptIsShownWhileItsProgramWaits(t *testing.T) {
	answer, ask := io.Pipe()
	got, _ := run(t, Config{
		Command: shell(`printf 'Password: h'; read line; printf 'unter2xyz'`), Stdin: answer,
		Stdout: &onText{text: "h", f: func() { ask.Close() }}, Mask: maskOf(t, "hunter2xyz"),
	})
	if got.text != "Password: h***" {
		t.Errorf("published %q", got.text)
	}
}

// stopped is a terminal that takes nothing until it is closed.
type stopped struct{ called, closed chan struct{} }

func (s *stopped) Write(p []byte) (int, error) {
	s.called <- struct{}{}
	<-s.closed
	return len(p), nil
}

// What was held back is shown at the very end, to whoever takes it.
func TestReadersAreToldTheEndThoughATerminalThatIsStoppedLacksTheLast(t *testing.T) {
	terminal := &stopped{make(chan struct{}, 9), make(chan struct{})}
	told := make(chan struct{})
	p := new(fakePublisher)
	p.setFail(func(_ context.Context, events []protocol.Event) error {
		if slices.ContainsFunc(events, func(e protocol.Event) bool { return e.Name == EventFinished }) {
			close(told)
		}
		return nil
	})
	// The test waits for it.
	var g errgroup.Group
	g.Go(func() error {
		_, err := Run(t.Context(), Config{
			AppID: "app", Channel: "private-build-1", Publisher: p, Stdout: terminal, Mask: maskOf(t, "hunter2xyz"),
			Runner: func(_ context.Context, stdout, _ io.Writer) (Exit, error) {
				_, err := io.WriteString(stdout, "hunt")
				return Exit{}, err
			},
		})
		return err
	})
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Error("nobody is told the end")
	}
	close(terminal.closed)
	if err := g.Wait(); err != nil || readLog(t, p.published()).text != "hunt" || len(terminal.called) != 1 {
		t.Errorf("%v, published %+v", err, p.published())
	}
}

func TestATerminalThatIsStoppedDoesNotHoldUpTheEnd(t *testing.T) {
	terminal := &stopped{make(chan struct{}, 9), make(chan struct{})}
	left := make(chan struct{})
	got, _ := run(t, Config{
		Stdout: terminal, Mask: maskOf(t, "hunter2xyz"),
		Runner: func(_ context.Context, stdout, _ io.Writer) (Exit, error) {
			// The test waits for it.
			go func() {
				defer close(left)
				_, _ = io.WriteString(stdout, "a hunter2xyz hunt")
			}()
			<-terminal.called
			return Exit{}, nil
		},
	})
	if got.text != "a *** hunt" {
		t.Errorf("published %q", got.text)
	}
	close(terminal.closed)
	<-left
}
