package pipe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// counts counts the interrupts it gets until it is told to end.
const counts = `n=0; trap 'n=$((n+1)); echo interrupt $n' INT; echo ready
until [ "$line" = end ]; do read line; done; echo "$n counted"; exit 5`

func startHelper(t *testing.T, attr *syscall.SysProcAttr, stdin io.Reader, stdout io.Writer) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), helperVariable+"="+counts)
	cmd.SysProcAttr = attr
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// expect reads lines up to the one that ends as wanted, and returns it.
func expect(t *testing.T, lines *bufio.Scanner, want string) string {
	t.Helper()
	for lines.Scan() {
		if line := strings.TrimRight(lines.Text(), "\r"); strings.HasSuffix(line, want) { // the terminal echoes ^C
			return line
		}
	}
	t.Fatalf("the output ended before %q: %v", want, lines.Err())
	return ""
}

func TestCtrlCReachesTheCommandOnce(t *testing.T) {
	master, slave := openTerminal(t)
	cmd := startHelper(t, &syscall.SysProcAttr{Setsid: true, Setctty: true}, slave, slave)
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	limit(t, master)
	lines := bufio.NewScanner(master)
	expect(t, lines, "ready")
	const times = 10 // two signals that come at once may count as one
	for i := range times {
		write(t, master, "\x03")
		expect(t, lines, fmt.Sprintf("interrupt %d", i+1))
	}
	write(t, master, "end\n")
	if got := expect(t, lines, "counted"); !strings.HasPrefix(got, fmt.Sprintf("%d ", times)) {
		t.Errorf("%d times Ctrl-C were %s", times, got)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

func TestWithoutATerminalAnInterruptIsPassedOn(t *testing.T) {
	stdin, typing := pipe(t)
	printed, stdout := pipe(t)
	cmd := startHelper(t, &syscall.SysProcAttr{Setsid: true}, stdin, stdout)
	if err := stdout.Close(); err != nil {
		t.Fatal(err)
	}
	limit(t, printed)
	lines := bufio.NewScanner(printed)
	expect(t, lines, "ready")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	expect(t, lines, "interrupt 1")
	write(t, typing, "end\n")
	expect(t, lines, "1 counted")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// openTerminal returns both ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var unlock, name error
	err = raw.Control(func(fd uintptr) {
		unlock = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		n, name = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err := errors.Join(err, unlock, name); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// limit keeps a test from waiting for ever for what is not printed.
func limit(t *testing.T, f *os.File) {
	t.Helper()
	if err := f.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
}
