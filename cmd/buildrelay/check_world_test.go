package main_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/checkup"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// wellMade is an installation with nothing wrong: two nodes, and a Redis with TLS, users and a
// file.
type wellMade struct {
	authority *relaytest.Authority
	redis     aclRedis
	nodes     []*relaytest.Relay
	env       map[string]string // of the first node, as a command beside it has it
}

// unset is the value of a setting that is not to be there.
const unset = "\x00"

// longCerts is a certificate that is good for long.
func longCerts(authority *relaytest.Authority) *relaytest.Certs {
	return certsFor(authority, 300*24*time.Hour)
}

// certsFor is a certificate that is half a year old, and good for so much longer.
func certsFor(authority *relaytest.Authority, left time.Duration) *relaytest.Certs {
	issued := authority.Issue(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-180*24*time.Hour), time.Now().Add(left)
	})
	return &relaytest.Certs{CAFile: authority.File, CertFile: issued.CertFile, KeyFile: issued.KeyFile, Pool: authority.Pool}
}

// goodRedis is how Redis is to be set.
func goodRedis() []string { return []string{"maxmemory 256mb", "maxmemory-policy noeviction"} }

// newWellMade starts it, with more settings for the second node.
func newWellMade(t *testing.T, second map[string]string) wellMade {
	t.Helper()
	w := wellMade{authority: relaytest.NewAuthority(t)}
	certs := longCerts(w.authority)
	w.redis = startACLRedis(t, "buildrelay.acl", relaytest.RedisTLS(certs), relaytest.RedisKeeps(), relaytest.RedisSettings(goodRedis()...))
	keys := filepath.Join(t.TempDir(), "keys.json")
	for _, command := range []string{"create", "rotate"} {
		if _, errs, code := runCommand(t, []string{"RELAY_KEYS_FILE=" + keys}, "keys", command); code != 0 {
			t.Fatal(errs)
		}
	}
	for i := range 2 {
		link := faults.StartHoleLink(t, "")
		env := map[string]string{
			"RELAY_REDIS_URL": w.redis.urlOf("relay"), "RELAY_REDIS_CA_FILE": w.authority.File,
			"RELAY_APP_SECRET": "", "RELAY_APP_SECRET_FILE": writeFile(t, relaytest.Secret), "RELAY_APP_ORIGINS": "https://ci.example.com",
			"RELAY_KEYS_FILE": keys, "RELAY_APP_SEAL": "required", "RELAY_LOG_RULES": "private-build-* replay=all",
			"RELAY_DATA_DIR": t.TempDir(), "RELAY_AUDIT_NODE": fmt.Sprintf("node-%d", i+1),
			"RELAY_NODE_URL": "https://" + link.Address(), "RELAY_NODE_CA_FILE": w.authority.File, "RELAY_CLUSTER_SECRET": clusterSecret,
			"RELAY_MAX_CONNECTIONS": "100", "RELAY_PING_AFTER": "1s",
		}
		if i == 1 {
			maps.Copy(env, second)
		}
		r := relaytest.StartRelayTLS(t, certs, env)
		link.LeadTo(r.Address)
		w.nodes = append(w.nodes, r)
		if i == 0 {
			w.env = env
		}
	}
	maps.Copy(w.env, relaytest.ServeTLS(certs))
	maps.Copy(w.env, map[string]string{
		"RELAY_LISTEN": w.nodes[0].Address, "RELAY_METRICS_LISTEN": w.nodes[0].Metrics,
		"RELAY_APP_ID": relaytest.AppID, "RELAY_APP_KEY": relaytest.Key,
	})
	return w
}

// run runs 'buildrelay check' with other settings than the node has, and nothing else in its
// environment.
func (w wellMade) run(t *testing.T, change map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	env := maps.Clone(w.env)
	maps.Copy(env, change)
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), append([]string{"check"}, args...)...)
	cmd.Env = []string{relaytest.QuickExit}
	for name, value := range env {
		if value != unset {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// expect runs it, with --url for the first node unless args have another, and compares what is not
// well with what is wanted: grades by names.
func (w wellMade) expect(t *testing.T, change map[string]string, want map[string]checkup.Grade, args ...string) {
	t.Helper()
	if !slices.Contains(args, "--url") {
		args = append(args, "--url", w.nodes[0].URL())
	}
	stdout, stderr, code := w.run(t, change, append([]string{"--json", "--ca-file", w.authority.File}, args...)...)
	var report checkup.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	expectReport(t, report, want, slices.Contains(args, "--slow"))
	if failed := slices.Contains(slices.Collect(maps.Values(want)), checkup.Fail); (code == 1) != failed || code > 1 {
		t.Errorf("the exit code is %d\n%s%s", code, stdout, stderr)
	}
}

// expectReport compares what is not well with what is wanted, but for what is so of the machine that
// runs tests, and for what only a slow check looks at.
func expectReport(t *testing.T, report checkup.Report, want map[string]checkup.Grade, slow bool) {
	t.Helper()
	got := make(map[string]checkup.Grade)
	texts := ""
	for _, f := range report.Findings {
		ofMachine := f.Name == "process.user" || f.Name == "process.root"
		notSlow := !slow && (f.Name == "idle" || f.Name == "keys.needed") && want[f.Name] == ""
		tolerated := f.Grade == checkup.Note && (ofMachine || notSlow)
		if f.Grade != checkup.Good && !tolerated {
			got[f.Name] = f.Grade
			texts += fmt.Sprintf("%s %s: %s (%s)\n", f.Grade, f.Name, f.Text, f.Do)
		}
		if f.Grade == checkup.Fail && f.Do == "" {
			t.Errorf("nothing is said of what to do about %s: %s", f.Name, f.Text)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is told to be wrong (- wanted, + told):\n%s\n%s", diff, texts)
	}
}
