package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// aclRedis is a Redis with a file of deploy/redis, in which every user has the password
// that aclPassword says.
type aclRedis struct {
	*relaytest.Redis
	rules map[string][]string // of the users, as the file has them
}

func aclPassword(user string) string { return "password of " + user }

func startACLRedis(t *testing.T, file string, more ...relaytest.RedisOption) aclRedis {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy/redis", file))
	if err != nil {
		t.Fatal(err)
	}
	r := aclRedis{rules: make(map[string][]string)}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line) // user NAME reset on #PLACEHOLDER …
		r.rules[words[1]] = words[3:]
	}
	path := writeFile(t, string(text))
	putPasswords(t, path)
	r.Redis = relaytest.StartRedis(t, append(more, relaytest.RedisSettings("aclfile "+path))...)
	return r
}

// putPasswords puts passwords into a file as docs/OPERATIONS.md says.
func putPasswords(t *testing.T, path string) {
	t.Helper()
	manual, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile("(?s)\n```\n(for user in relay backend operator; do.*?)```\n").FindStringSubmatch(string(manual))
	if script == nil {
		t.Fatal("docs/OPERATIONS.md does not say how")
	}
	secrets := t.TempDir()
	for _, user := range []string{"relay", "backend", "operator", "slanger"} {
		password := aclPassword(strings.Replace(user, "slanger", "default", 1))
		if err := os.WriteFile(filepath.Join(secrets, "redis-"+user), []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here := strings.NewReplacer("/run/secrets", secrets, "buildrelay.acl", path, "operator;", "operator slanger;").Replace(script[1])
	if out, err := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", here).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// writeFile writes a file, and returns its path.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (r aclRedis) urlOf(user string) string { return r.URLFor(user, aclPassword(user)) }

// ask asks as a user.
func (r aclRedis) ask(t *testing.T, user string, command ...any) (any, error) {
	t.Helper()
	return relaytest.RedisClient(t, r.urlOf(user)).Do(t.Context(), command...).Result()
}

// must is ask, of what must be allowed.
func (r aclRedis) must(t *testing.T, user string, command ...any) any {
	t.Helper()
	reply, err := r.ask(t, user, command...)
	if err != nil {
		t.Fatalf("%s may not %v: %v", user, command, err)
	}
	return reply
}

// commands are those that Redis knows, those of a group as group|command.
func (r aclRedis) commands(t *testing.T) []string {
	t.Helper()
	list, _ := r.must(t, "operator", "COMMAND", "LIST").([]any)
	var all []string
	for _, name := range list {
		all = append(all, fmt.Sprint(name))
	}
	all = slices.DeleteFunc(all, func(name string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, name+"|") })
	})
	if len(all) < 200 {
		t.Fatalf("Redis knows only %v", all)
	}
	return all
}

// allowed are the commands that a user may give, whatever their keys.
func (r aclRedis) allowed(t *testing.T, user string) (allowed []string) {
	t.Helper()
	operator := relaytest.RedisClient(t, r.urlOf("operator"))
	for _, name := range r.commands(t) {
		command := []any{"ACL", "DRYRUN", user}
		for word := range strings.SplitSeq(name, "|") {
			command = append(command, word)
		}
		said := "wrong number of arguments"
		for tries := 0; strings.Contains(said, "wrong number of arguments") && tries < 10; tries++ {
			reply, err := operator.Do(t.Context(), command...).Result()
			if said = fmt.Sprint(reply, err); reply == nil && err == nil {
				t.Fatalf("%v: no answer", command)
			}
			command = append(command, "1")
		}
		switch {
		case strings.Contains(said, "wrong number"), strings.Contains(said, "not found"):
			t.Fatalf("%v: %s", command, said)
		case !strings.Contains(said, "no permissions to run"):
			allowed = append(allowed, name)
		}
	}
	return allowed
}

// anybody may say who he is, and leave.
func anybody() []string { return []string{"auth", "hello", "quit", "reset"} }

// Every user may do what the file names, and of all that Redis knows nothing else.
func TestTheUsersOfTheACLFilesMayDoNothingElse(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"buildrelay.acl", "slanger.acl"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			r := startACLRedis(t, file)
			for user, rules := range r.rules {
				if user == "operator" || rules[0] == "off" {
					continue
				}
				want := anybody()
				for _, rule := range rules {
					if name, ok := strings.CutPrefix(rule, "+"); ok {
						want = append(want, name)
					}
				}
				got := r.allowed(t, user)
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s may %v, and the file says %v", user, got, want)
				}
			}
		})
	}
}

// rightsOf are the rights among rules.
func rightsOf(rules []string) []string {
	return slices.DeleteFunc(slices.Sorted(slices.Values(rules)), func(rule string) bool { return !strings.HasPrefix(rule, "+") })
}

// What the manuals say that a user needs is what the file gives.
func TestTheACLFileGivesWhatTheManualsSay(t *testing.T) {
	t.Parallel()
	r := startACLRedis(t, "buildrelay.acl")
	lines := make(map[string][]string)
	for _, manual := range []string{"OPERATIONS.md", "PROTOCOL.md"} {
		text, err := os.ReadFile("../../docs/" + manual)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`(?m)^ACL SETUSER (\w+) .*$`).FindAllStringSubmatch(string(text), -1) {
			lines[line[1]] = append(lines[line[1]], rightsOf(strings.Fields(line[0]))...)
		}
	}
	lines["backend"] = append(lines["backend"], "+evalsha", "+script|load") // with the script, says the text there
	delete(lines, "masks")                                                  // who registers past the relay is none of the file's users, says the text there
	for user, said := range lines {
		said = slices.Compact(slices.Sorted(slices.Values(said)))
		if given := rightsOf(r.rules[user]); !slices.Equal(given, said) {
			t.Errorf("%s is given %v, and the manuals say %v", user, given, said)
		}
	}
}

// The names, too, are no others than those of the contract.
func TestTheUsersOfTheACLFilesReachNoOtherNames(t *testing.T) {
	t.Parallel()
	const yes, no = true, false
	for file, cases := range map[string][]struct {
		user, command string
		may           bool
	}{
		"buildrelay.acl": {
			{"relay", "get buildrelay:x", yes},
			{"relay", "get other:x", no},
			{"relay", "publish buildrelay:3:news x", yes},
			{"relay", "publish news x", no},
			{"relay", "subscribe __keyspace@0__:x", no},
			{"backend", "xadd buildrelay:{3:private-build-1} * e x", yes},
			{"backend", "set buildrelay:{3:cache-x}:cache x", yes},
			{"backend", "xadd buildrelay:audit * record x", yes},
			{"backend", "set buildrelay:{~roster:1}:epoch x", no},
			{"backend", "del buildrelay:~node:x", no},
			{"backend", "publish buildrelay:~masks x", no},
			{"backend", "publish buildrelay:~revocations x", no},
			{"backend", "hset buildrelay:~revocations:1 text x", no},
			{"backend", "get other", no},
			{"backend", "publish buildrelay:3:news x", yes},
			{"backend", "publish buildrelay:~beat:node x", no},
			{"backend", "publish buildrelay:~roster:3:presence-x x", no},
			{"backend", "publish buildrelay:{3:private-build-1}:watched 1", no},
			{"default", "ping", no},
		},
		"slanger.acl": {
			{"relay", "subscribe private-a@b@1", yes},
			{"relay", "subscribe slanger:connection_notification", no},
			{"relay", "get presence-x", no},
			{"backend", "publish private-a@b@1 x", yes},
			{"backend", "publish buildrelay:3:news x", no},
			{"backend", "publish slanger:connection_notification x", no},
			{"default", "subscribe slanger:connection_notification", yes},
			{"default", "hset presence-x a b", yes},
			{"default", "hincrby channel_subscriber_count private-x 1", yes},
			{"default", "publish presence-x x", yes},
			{"default", "hset buildrelay:x a b", no},
		},
	} {
		r := startACLRedis(t, file)
		for _, c := range cases {
			command := []any{"ACL", "DRYRUN", c.user}
			for word := range strings.FieldsSeq(c.command) {
				command = append(command, word)
			}
			if said := fmt.Sprint(r.must(t, "operator", command...)); (said == "OK") != c.may {
				t.Errorf("%s: %s, %s: %s", file, c.user, c.command, said)
			}
		}
	}
}

// Whoever forgets to put in passwords has a Redis that does not start, and not one without.
func TestTheACLFilesAreNoneWithoutPasswords(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"buildrelay.acl", "slanger.acl"} {
		text, err := os.ReadFile(filepath.Join("../../deploy/redis", file))
		if err != nil {
			t.Fatal(err)
		}
		path := writeFile(t, "")
		server := relaytest.StartRedis(t, relaytest.RedisSettings("aclfile "+path))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := server.Client().Do(t.Context(), "ACL", "LOAD").Err(); err == nil || !strings.Contains(err.Error(), "password") {
			t.Errorf("%s as it is is loaded: %v", file, err)
		}
	}
}
