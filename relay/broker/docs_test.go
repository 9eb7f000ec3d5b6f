package broker_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// doc reads a page of the documentation.
func doc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// section is a section of docs/PROTOCOL.md.
func section(t *testing.T, title string) string {
	t.Helper()
	_, text, found := strings.Cut(doc(t, "PROTOCOL.md"), "\n## "+title+"\n")
	if !found {
		t.Fatalf("no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// snippets are the programs of a section, by language.
func snippets(t *testing.T, title string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(section(t, title), -1) {
		if found[m[1]] != "" {
			t.Fatalf("two snippets in %s", m[1])
		}
		found[m[1]] = m[2]
	}
	return found
}

// How each snippet is run: in a folder of its own, with the file that it is written to.
func TestTheSnippetsOfTheDocsAppend(t *testing.T) {
	t.Parallel()
	runs := map[string]struct {
		file string
		run  func(t *testing.T, file string) *exec.Cmd
	}{
		"sh":      {"append.sh", func(t *testing.T, file string) *exec.Cmd { return program(t, "sh", file) }},
		"go":      {"append.go", goRun},
		"js":      {"append.mjs", nodeRun},
		"python":  {"append.py", pythonRun},
		"ruby":    {"append.rb", rubyRun},
		"java":    {"Append.java", noRuntime("Jedis")},
		"clojure": {"append.clj", noRuntime("Carmine")},
	}
	found := snippets(t, "Appending to logs")
	for language, snippet := range found {
		if runs[language].run == nil {
			t.Errorf("nobody runs the snippet in %s:\n%s", language, snippet)
		}
	}
	for language, r := range runs {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), r.file)
			cmd := r.run(t, file)
			server := relaytest.StartRedis(t, user("backend", backendRights, "+evalsha", "+script|load"))
			l := newLogRig(t, server.URL())
			if err := l.InstallFunctions(t.Context()); err != nil {
				t.Fatal(err)
			}
			write(t, file, at127(found[language], server))
			write(t, filepath.Join(filepath.Dir(file), "append.lua"), broker.AppendScript())
			checkSnippet(t, l, cmd)
		})
	}
}

// at127 lets a snippet find the test's server in the place of that of the docs. It calls
// by a user with the least rights where it names a URL.
func at127(snippet string, server *relaytest.Redis) string {
	address := server.Address()
	_, port, _ := strings.Cut(address, ":")
	return strings.NewReplacer(
		"redis://127.0.0.1:6379", "redis://"+url.UserPassword("backend", "hunter2").String()+"@"+address,
		"127.0.0.1:6379", address,
		"redis-cli ", "redis-cli -e -p "+port+" ",
	).Replace(snippet)
}

// checkSnippet runs a snippet twice, as after a lost answer. One event is in the log.
func checkSnippet(t *testing.T, l *logRig, cmd *exec.Cmd) {
	t.Helper()
	var outputs []string
	for range 2 {
		again := exec.CommandContext(t.Context(), cmd.Path, cmd.Args[1:]...)
		again.Dir, again.Env = cmd.Dir, cmd.Env
		out, err := again.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		outputs = append(outputs, string(out))
	}
	page, err := l.ReadLog(t.Context(), "builds", "private-build-7", first)
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("%d entries (%v) after\n%s", len(page.Entries), err, outputs)
	}
	e := page.Entries[0]
	const want = `{"seq":1,"offset":0,"text":"hello\n"}`
	if data := strings.ReplaceAll(strings.ReplaceAll(e.Data, `": `, `":`), `, "`, `,"`); e.Name != "build:output" || data != want {
		t.Errorf("event %s %s, want %s", e.Name, e.Data, want)
	}
	for i, out := range outputs {
		if got := strings.Fields(out); !slices.Contains(got, e.Link.At.String()) {
			t.Errorf("call %d answered %q, not %s", i+1, out, e.Link.At)
		}
	}
	if outputs[0] == outputs[1] {
		t.Errorf("the second call is not known for one: %q", outputs[1])
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// program runs a program beside the snippet's file. The test is skipped where it is
// missing.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = filepath.Dir(args[len(args)-1])
	return cmd
}

func goRun(t *testing.T, file string) *exec.Cmd {
	cmd := program(t, "go", "run", file)
	cmd.Dir = "." // of this module, which has the library
	return cmd
}

func nodeRun(t *testing.T, file string) *exec.Cmd {
	modules, err := filepath.Abs("../relaytest/clients/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "ioredis")); err != nil {
		t.Fatal("ioredis is not installed: run .ci/setup clients")
	}
	if err := os.Symlink(modules, filepath.Join(filepath.Dir(file), "node_modules")); err != nil {
		t.Fatal(err)
	}
	return program(t, "node", file)
}

// pythonRun takes the first Python that has the library.
func pythonRun(t *testing.T, file string) *exec.Cmd {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import redis; redis.Redis.fcall").Run() == nil {
			return program(t, python, file)
		}
	}
	t.Skip("no Python with the package redis is installed")
	return nil
}

func rubyRun(t *testing.T, file string) *exec.Cmd {
	if exec.CommandContext(t.Context(), "ruby", "-e", `require "redis"`).Run() != nil {
		t.Skip("no Ruby with the gem redis is installed")
	}
	return program(t, "ruby", file)
}

func noRuntime(what string) func(*testing.T, string) *exec.Cmd {
	return func(t *testing.T, _ string) *exec.Cmd {
		t.Skip("not run: " + what + " is not installed")
		return nil
	}
}

// The rights in the docs are those that the other tests know to be enough, and needed. A
// node has a roster, too, which needs more (relay/roster tests that).
func TestTheRightsOfTheDocsAreTheLeast(t *testing.T) {
	t.Parallel()
	for page, rights := range map[string]string{"PROTOCOL.md": backendRights, "OPERATIONS.md": nodeRights + " +info"} {
		var line string
		for l := range strings.Lines(doc(t, page)) {
			if strings.HasPrefix(l, "ACL SETUSER ") && strings.Contains(l, "+xadd") {
				line = l
			}
		}
		var got []string
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "+") {
				got = append(got, word)
			}
		}
		want := strings.Fields(rights)
		slices.Sort(got)
		slices.Sort(want)
		if page == "OPERATIONS.md" {
			got = slices.DeleteFunc(got, func(right string) bool { return !slices.Contains(want, right) })
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", page, got, want)
		}
	}
}

// The limits that the docs and the rules have are those of the script.
func TestTheDefaultsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	l := newLogRig(t, server.URL())
	l.mustAppend("e", "1")
	byScript := l.client.HMGet(t.Context(), key+":meta", "maxlen", "maxbytes", "ttl").Val()
	if _, err := l.Publish(context.Background(), "1", events("b", "1")); err != nil {
		t.Fatal(err)
	}
	byRule := l.client.HMGet(t.Context(), "buildrelay:{1:b}:meta", "maxlen", "maxbytes", "ttl").Val()
	if !slices.Equal(byScript, byRule) {
		t.Errorf("the script's %v, the rules' %v", byScript, byRule)
	}
	if want := "20000, 8388608 and 86400 at first"; !strings.Contains(doc(t, "PROTOCOL.md"), want) || protocol.DefaultLogEvents != 20000 {
		t.Errorf("the docs do not say %q", want)
	}
}
