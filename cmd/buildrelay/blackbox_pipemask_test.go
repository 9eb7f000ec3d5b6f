package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"buildrelay/relay/pipe"
)

// The secrets of a build that prints them, and what shows that a part of one passed.
const (
	token     = "tok-3n?/Zq'9+x\"L0vE"
	deployKey = "first-line-of-the-key\nsecond-line-of-the-key"
)

// leaky is a build that prints its secrets in every form, on both outputs, in pieces
// and through sequences.
func leaky() string {
	encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	quoted, _ := json.Marshal(token)
	half := len(token) / 2
	prints := []string{
		token, "a" + token + "b", deployKey, strings.ReplaceAll(deployKey, "\n", "\r\n"),
		encoded(token), encoded("x" + token), encoded("xy" + token), base64.RawURLEncoding.EncodeToString([]byte(token)),
		hex.EncodeToString([]byte(token)), strings.ToUpper(hex.EncodeToString([]byte(token))),
		url.QueryEscape(token), strings.ToLower(url.QueryEscape("?/'")), string(quoted),
		token[:half] + "\x1b[31m" + token[half:], token[:half] + "\r\n" + token[half:],
		"\x1b]0;" + token + "\a", "https://bob:s3cr3t-pw@host/", "AKIAIOSFODNN7EXAMPLE",
	}
	var script strings.Builder
	script.WriteString("set -- ")
	for _, p := range prints {
		script.WriteString("'" + strings.ReplaceAll(p, "'", `'\''`) + "' ")
	}
	// In pieces: one letter after the other, each a write of its own.
	script.WriteString(`
for text do printf '%s\n' "$text"; printf '%s\n' "$text" >&2; done
text=$1; while [ -n "$text" ]; do rest=${text#?}; printf %s "${text%"$rest"}"; text=$rest; done; echo
echo "$TOKEN" | base64; (set -x; : "$TOKEN") 2>&1; echo $KEY; echo last words; printf %s "$TOKEN"`)
	return script.String()
}

// parts are what must be nowhere: what no two forms have in common, but enough of one
// to be found whatever is around it.
func parts() []string {
	encoded := base64.StdEncoding.EncodeToString([]byte(token))
	return []string{
		"3n?/Zq", `9+x"L0`, "L0vE", "second-line", "first-line", encoded[4:12], encoded[14:20], "s3cr3t-pw", "IOSFODNN7",
		hex.EncodeToString([]byte(token))[8:16], strings.ToUpper(hex.EncodeToString([]byte(token)))[8:16], "3n%3F", "3n%3f",
	}
}

func expectNoSecret(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, part := range parts() {
		if i := bytes.Index(text, []byte(part)); i >= 0 {
			t.Errorf("%s has %q: …%q", where, part, text[max(0, i-40):min(len(text), i+40)])
		}
	}
}

func TestASecretThatABuildPrintsIsNowhere(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, buildLogs(), func(t *testing.T, w world) {
		r := w.read(t, "private-build-9")
		cmd := w.pipeLog(t, "--channel", "private-build-9", "--mask-env", "TOKEN,EMPTY", "--mask-env", "KEY", "--", "sh", "-c", leaky())
		cmd.Env = append(cmd.Env, "TOKEN="+token, "KEY="+deployKey, "EMPTY=")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		expectNoSecret(t, "stdout", stdout.Bytes())
		expectNoSecret(t, "stderr", stderr.Bytes())
		if !strings.HasSuffix(stdout.String(), "last words\n***") || !strings.Contains(stderr.String(), "aws_key=") {
			t.Errorf("stdout ends with %.40q, stderr is %q", stdout.Bytes()[max(0, stdout.Len()-40):], stderr.String())
		}
		built, err := w.log(t, "private-build-9")
		if err != nil || built.finished == nil || !bytes.Contains(built.output, []byte("last words\n")) {
			t.Fatalf("the log: %v, finished %v", err, built.finished)
		}
		expectNoSecret(t, "the log", built.output)
		expectNoSecret(t, "Redis", w.everything(t))
		expectNoSecret(t, "a reader", r.everything())
	})
}

// everything is all that Redis keeps: of streams the fields, which a dump compresses.
func (w world) everything(t *testing.T) []byte {
	t.Helper()
	redis := w.redis.Client()
	keys, err := redis.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	entries := 0
	for _, key := range keys {
		if redis.Type(t.Context(), key).Val() == "stream" {
			stream := redis.XRange(t.Context(), key, "-", "+").Val()
			entries += len(stream)
			for _, entry := range stream {
				for name, value := range entry.Values {
					fmt.Fprintf(&all, "%s=%s\n", name, value)
				}
			}
			continue
		}
		all.WriteString(redis.Dump(t.Context(), key).Val())
	}
	if entries < 3 {
		t.Errorf("Redis has %d entries", entries)
	}
	return all.Bytes()
}

// everything is what a client is told of a build up to its end: the data of all events.
func (r *reader) everything() (all []byte) {
	r.t.Helper()
	for {
		e := r.client.Next()
		all = append(all, e.DataString(r.t)...)
		if e.Event == pipe.EventFinished {
			return all
		}
	}
}
