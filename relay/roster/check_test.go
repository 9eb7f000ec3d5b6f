package roster_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

// What docs/OPERATIONS.md says that a node may do is enough for the roster, and the check
// leaves nothing behind.
func TestTheRightsThatTheDocsListAreEnough(t *testing.T) {
	server := relaytest.StartRedis(t)
	admin := server.Client()
	if err := admin.Do(t.Context(), documentedACL(t)...).Err(); err != nil {
		t.Fatal(err)
	}
	if err := check(t, server, "relay"); err != nil {
		t.Error(err)
	}
	if keys := admin.Keys(t.Context(), "*").Val(); len(keys) > 0 {
		t.Errorf("the check leaves %v", keys)
	}
}

// refused is how Redis says that a user may not do something, by itself or in a script.
var refused = regexp.MustCompile(`NOPERM|(can't|cannot) (run|access|publish)`)

// A user who may not is told what.
func TestMissingRightsAreNamed(t *testing.T) {
	server := relaytest.StartRedis(t)
	for user, rights := range map[string]string{
		"no-scripts":  "+@all -evalsha ~* &*",
		"no-hashes":   "+@all -hset ~* &*",
		"no-channels": "+@all ~* resetchannels",
		"no-keys":     "+@all ~elsewhere:* &*",
		"no-reading":  "+@all -hkeys ~* &*",
	} {
		args := []any{"ACL", "SETUSER", user, "on", ">secret"}
		for _, right := range strings.Fields(rights) {
			args = append(args, right)
		}
		if err := server.Client().Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := check(t, server, user); err == nil || !refused.MatchString(err.Error()) {
			t.Errorf("%s: the check finds %v", user, err)
		}
	}
}

func check(t *testing.T, server *relaytest.Redis, user string) error {
	t.Helper()
	servers, err := redisconn.ParseURL(auth.Secret(server.URLFor(user, "secret")), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := roster.New(roster.Config{Redis: servers, Prefix: "buildrelay"})
	defer func() {
		ended, end := context.WithCancel(t.Context())
		end()
		r.Run(ended, nil) // lets go of its connections
	}()
	return r.Check(t.Context())
}

func documentedACL(t *testing.T) []any {
	t.Helper()
	text, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ACL SETUSER relay on .*$`).FindString(string(text))
	var args []any
	for _, word := range strings.Fields(strings.Replace(line, ">PASSWORD", ">secret", 1)) {
		args = append(args, word)
	}
	return args
}
