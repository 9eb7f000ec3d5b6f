package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// redisCommand runs 'buildrelay redis' with a Redis, or none, for an app with log channels.
func redisCommand(t *testing.T, url string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runCommand(t, []string{"RELAY_REDIS_URL=" + url, "RELAY_LOG_RULES=private-build-*"}, append([]string{"redis"}, args...)...)
}

// runCommand runs a command of the program to its end, with more in its environment.
func runCommand(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), args...)
	cmd.Env = slices.Concat(os.Environ(), []string{relaytest.QuickExit}, env)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestRedisInstallMakesTheFunctionKnown(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	call := func() error {
		return server.Client().FCall(t.Context(), "buildrelay_append", []string{"buildrelay:{1:a}"}, "e", "1").Err()
	}
	if call() == nil {
		t.Fatal("the function is known before it is installed")
	}
	for range 2 {
		out, errs, code := redisCommand(t, server.URL(), "install")
		if code != 0 || !strings.Contains(out, "FCALL buildrelay_append 1 buildrelay:{APP:CHANNEL}") {
			t.Errorf("code %d, %s%s", code, out, errs)
		}
	}
	if err := call(); err != nil {
		t.Error(err)
	}
}

func TestRedisScriptPrintsWhatRedisTakes(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	out, errs, code := redisCommand(t, "", "script")
	sha, err := server.Client().ScriptLoad(t.Context(), out).Result()
	if err != nil || code != 0 {
		t.Fatal(err, code)
	}
	if strings.TrimSpace(errs) != "sha1 "+sha {
		t.Errorf("told %q, and Redis calls it %s", errs, sha)
	}
	if strings.TrimSpace(out) != out {
		t.Error("a shell would change it, and with it its name")
	}
	out, _, code = redisCommand(t, "", "script", "-function")
	if err := server.Client().FunctionLoad(t.Context(), out).Err(); err != nil || code != 0 {
		t.Error(err, code)
	}
}

func TestRedisCheckEndsWithOneWhenThePromiseWouldBreak(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	out, errs, code := redisCommand(t, server.URL(), "check")
	if code != 0 || !strings.HasPrefix(out, "ok    Redis ") || !strings.Contains(out, "note  the function") || errs != "" {
		t.Errorf("code %d:\n%s%s", code, out, errs)
	}
	for setting, value := range map[string]string{"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"} {
		if err := server.Client().ConfigSet(t.Context(), setting, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code = redisCommand(t, server.URL(), "check")
	if code != 1 || !strings.Contains(out, "FAIL  maxmemory-policy is allkeys-lru") || !strings.Contains(errs, "not as the relay needs it") {
		t.Errorf("code %d:\n%s%s", code, out, errs)
	}
	server.Stop()
	if out, _, code = redisCommand(t, server.URL(), "check"); code != 1 || !strings.Contains(out, "FAIL  Redis cannot be asked") {
		t.Errorf("without Redis: code %d:\n%s", code, out)
	}
}

func TestRedisSaysHowItIsUsed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "Usage:"},
		{[]string{"flush"}, 2, `there is no command "flush"`},
		{[]string{"install"}, 1, "RELAY_REDIS_URL is not set"},
		{[]string{"check", "now"}, 1, `takes no argument "now"`},
		{[]string{"script", "-x"}, 2, "-function"},
		{[]string{"-h"}, 0, "Usage:"},
	} {
		out, errs, code := redisCommand(t, "", c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: code %d, %s%s", c.args, code, out, errs)
		}
	}
}
