package relaytest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// postgresPassword has what must be escaped in a URL, so that who does not is noticed.
const postgresPassword = "pa55 w/rd:@%?#&"

// Postgres is a PostgreSQL server of a test's own, on loopback. What it was told stays over a
// restart and a kill. By itself it syncs nothing: a kill of the machine is not played.
type Postgres struct {
	t        testing.TB
	port     int
	dir      string
	settings []string
	user     *syscall.Credential // nil where the test's own user may run it
	process  *child
	schemas  atomic.Int64
}

// PostgresOption changes the server that StartPostgres starts.
type PostgresOption func(*Postgres)

// PostgresSettings adds settings, each as name=value.
func PostgresSettings(settings ...string) PostgresOption {
	return func(p *Postgres) { p.settings = append(p.settings, settings...) }
}

// PostgresSyncs makes it sync to the disk what it was told, before it answers.
func PostgresSyncs() PostgresOption { return PostgresSettings("fsync=on") }

// StartPostgres starts a server on a free port and returns when it answers.
func StartPostgres(t testing.TB, options ...PostgresOption) *Postgres {
	t.Helper()
	p := &Postgres{t: t, settings: []string{"fsync=off"}}
	for _, option := range options {
		option(p)
	}
	p.prepare()
	for range 5 {
		p.port = freePort(t)
		if p.start() {
			return p
		}
	}
	t.Fatalf("PostgreSQL did not start:\n%s", p.process.said())
	return nil
}

// URL is the address of its database, with the password in it.
func (p *Postgres) URL() string { return p.url(url.Values{"sslmode": {"disable"}}) }

func (p *Postgres) url(query url.Values) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("buildrelay", postgresPassword),
		Host: p.Address(), Path: "/postgres", RawQuery: query.Encode(),
	}
	return u.String()
}

// Address is the server's host and port.
func (p *Postgres) Address() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

// Password is the password of its user, for tests that look where it shows itself.
func (p *Postgres) Password() string { return postgresPassword }

// Schema is an address like URL whose tables are those of a new schema: it is empty.
func (p *Postgres) Schema() string {
	p.t.Helper()
	name := fmt.Sprintf("test_%d", p.schemas.Add(1))
	db := p.Connect(p.URL())
	defer db.Close()
	if _, err := db.ExecContext(p.t.Context(), "CREATE SCHEMA "+name); err != nil {
		p.t.Fatalf("making a schema: %v", err)
	}
	return p.url(url.Values{"sslmode": {"disable"}, "search_path": {name}})
}

// Connect returns a client for an address that URL or Schema gave. Who asks closes it.
func (p *Postgres) Connect(address string) *sql.DB {
	p.t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		p.t.Fatalf("connecting to PostgreSQL: %v", err)
	}
	return db
}

// Stop ends the server as an operator would who does not wait for its clients.
func (p *Postgres) Stop() {
	p.t.Helper()
	if !p.process.stop(syscall.SIGINT) {
		p.t.Errorf("PostgreSQL did not stop:\n%s", p.process.saidLast())
	}
}

// Kill ends the server as the kernel would, all of its processes at once.
func (p *Postgres) Kill() {
	workers := p.workers()
	p.process.stop(os.Kill)
	for _, pid := range workers {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
}

// Restart stops the server, if it runs, and starts it on the same port with what it had.
func (p *Postgres) Restart() {
	p.t.Helper()
	if p.process.running() {
		p.Stop()
	}
	// The last of a killed server's processes may still be ending, and holds its memory.
	begun := time.Now()
	for !p.start() {
		if time.Since(begun) > Patience {
			p.t.Fatalf("PostgreSQL did not start again:\n%s", p.process.saidLast())
		}
	}
}

// Freeze makes the server go silent without closing its connections until Thaw.
func (p *Postgres) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (p *Postgres) Thaw() { p.signal(syscall.SIGCONT) }

func (p *Postgres) signal(s syscall.Signal) {
	p.t.Helper()
	for _, pid := range append(p.workers(), p.process.cmd.Process.Pid) {
		_ = syscall.Kill(pid, s) // a worker may have ended by itself
	}
}

// workers are the processes that the server started; each is a group of its own.
func (p *Postgres) workers() []int {
	pid := p.process.cmd.Process.Pid
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none elsewhere than on Linux
	var workers []int
	for field := range strings.FieldsSeq(string(list)) {
		var worker int
		if _, err := fmt.Sscan(field, &worker); err == nil {
			workers = append(workers, worker)
		}
	}
	return workers
}

// prepare makes the folder that the server keeps its files in. It is none of t.TempDir's:
// PostgreSQL refuses to run as root, and another user may not go into those.
func (p *Postgres) prepare() {
	p.t.Helper()
	var err error
	if p.dir, err = os.MkdirTemp("", "postgres"); err != nil {
		p.t.Fatalf("making PostgreSQL's folder: %v", err)
	}
	p.t.Cleanup(func() {
		if p.process != nil {
			p.Kill()
		}
		// Its processes write until they have ended.
		Eventually(p.t, "PostgreSQL's folder is removed", func() bool { return os.RemoveAll(p.dir) == nil })
	})
	password := filepath.Join(p.dir, "password")
	if err := os.WriteFile(password, []byte(postgresPassword+"\n"), 0o600); err != nil {
		p.t.Fatalf("writing PostgreSQL's password: %v", err)
	}
	if p.user = postgresUser(p.t); p.user != nil {
		for _, path := range []string{p.dir, password} {
			if err := os.Chown(path, int(p.user.Uid), int(p.user.Gid)); err != nil {
				p.t.Fatalf("giving PostgreSQL its folder: %v", err)
			}
		}
	}
	initdb := p.command("initdb", "--pgdata", filepath.Join(p.dir, "data"), "--username", "buildrelay",
		"--pwfile", password, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		p.t.Fatalf("initdb: %v\n%s", err, output)
	}
}

// start reports whether the server is ready; if not, its port was taken, or another holds
// its files.
func (p *Postgres) start() bool {
	p.t.Helper()
	args := []string{"-D", filepath.Join(p.dir, "data"), "-h", "127.0.0.1", "-p", fmt.Sprint(p.port), "-k", ""}
	for _, setting := range p.settings {
		args = append(args, "-c", setting)
	}
	p.process = startChild(p.t, "postgres", p.command("postgres", args...))
	line, _ := p.process.expectLine(p.t, p.process.stderr, "its start", 0, func(line string) bool {
		return strings.Contains(line, "ready to accept connections") || endsPostgres(line)
	})
	return !endsPostgres(line)
}

// endsPostgres says whether a line of the log tells why the server does not start. A client
// that comes too early is told that the database system is starting up, which is logged alike.
func endsPostgres(line string) bool {
	return strings.Contains(line, "FATAL:") && !strings.Contains(line, "the database system is")
}

func (p *Postgres) command(program string, args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := exec.Command(findPostgres(p.t, program), args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "LC_MESSAGES=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	return cmd
}

// findPostgres looks for a program of the newest version: Debian has each version in a
// folder of its own, which is in nobody's PATH.
func findPostgres(t testing.TB, program string) string {
	t.Helper()
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	if len(places) > 0 {
		// 9.6 is after 15 here, and nobody has it any more.
		return slices.Max(places)
	}
	found, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not installed: run .ci/setup postgres", program)
	}
	return found
}
