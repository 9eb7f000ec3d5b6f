package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"buildrelay/relay/checkup"
	"buildrelay/relay/relaytest"
)

// all is what a whole check looks at.
var allChecks = []string{
	"settings", "settings.unknown", "keys", "keys.needed", "origins", "webhooks", "secrets.retiring", "files", "secrets.age", "secrets",
	"limits.files", "limits.memory", "process.user", "process.root", "insecure", "tls", "tls.certificate", "tls.expiry", "operators", "auth",
	"audit", "audit.chain", "audit.spool", "audit.disk",
	"redis.tls", "redis.version", "redis.eviction", "redis.persistence", "redis.rights", "redis.roster", "redis.latency", "redis.clock", "redis.memory", "redis.user", "redis.expiry",
	"url.versions", "url.certificate", "url.expiry", "ready", "streaming", "websocket", "roundtrip", "log", "idle",
	"nodes", "nodes.version", "proxies", "nodes.url",
}

func TestAWellMadeInstallationIsToldToBeOne(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	none := map[string]checkup.Grade{}
	w.expect(t, nil, none)
	// Who nodes are in Redis may not look through all logs; operators may do everything.
	w.expect(t, nil, map[string]checkup.Grade{"keys.needed": checkup.Note}, "--slow")
	w.expect(t, map[string]string{"RELAY_REDIS_URL": w.redis.urlOf("operator")}, map[string]checkup.Grade{"redis.user": checkup.Note}, "--slow")
	stdout, stderr, code := w.run(t, nil, "--slow", "--ca-file", w.authority.File, "--url", w.nodes[1].URL())
	if code != 0 || stderr != "" || !strings.Contains(stdout, " 0 failed\n") || strings.Contains(stdout, "FAIL") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	for _, name := range allChecks {
		if !strings.Contains(stdout, "  "+name+" ") {
			t.Errorf("%s was not looked at:\n%s", name, stdout)
		}
	}
	if n := strings.Count(stdout, "\nok "); n+1 < len(allChecks)-3 {
		t.Errorf("%d are well of %d:\n%s", n+1, len(allChecks), stdout)
	}
	for _, secret := range []string{relaytest.Secret, aclPassword("relay"), clusterSecret} {
		if strings.Contains(stdout, secret) {
			t.Error("a secret is printed")
		}
	}
}

// Without --url it is the node on this machine that is looked at.
func TestTheNodeBesideACheckIsFound(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	stdout, stderr, code := w.run(t, nil, "--ca-file", w.authority.File)
	for _, name := range []string{"tls.versions", "ready", "websocket", "streaming", "roundtrip", "log", "nodes.url"} {
		if !strings.Contains(stdout, "ok    "+name+" ") {
			t.Errorf("%s is not told to be well", name)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

// A node looks at itself for operators, by the same words.
func TestANodeTellsOperatorsWhetherAllIsWell(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	status, text := w.nodes[0].AskMetrics("/check")
	var report checkup.Report
	if err := json.Unmarshal([]byte(text), &report); status != http.StatusOK || err != nil {
		t.Fatalf("%d, %v: %s", status, err, text)
	}
	// The authority of a test is not known to the machine, and its nodes bring no --ca-file.
	expectReport(t, report, map[string]checkup.Grade{"tls.certificate": checkup.Note}, false)
	if !report.OK || len(report.Findings) < 35 {
		t.Errorf("ok is %v, of %d findings", report.OK, len(report.Findings))
	}
}

// It sends events and asks all nodes: so nobody can have a node do that many times at once.
func TestANodeLooksAtItselfOnceAtATime(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	const askers = 8
	statuses := make([]int, askers)
	var asking sync.WaitGroup
	for i := range statuses {
		asking.Go(func() { statuses[i], _ = w.nodes[0].AskMetrics("/check") })
	}
	asking.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	if count[http.StatusOK] == 0 || count[http.StatusOK]+count[http.StatusTooManyRequests] != askers {
		t.Errorf("the answers were %v", count)
	}
	if status, _ := w.nodes[0].AskMetrics("/check"); status != http.StatusOK {
		t.Errorf("the next is answered by %d", status)
	}
}

func TestWhatCannotBeReadOrUnderstoodEndsACheckAtOnce(t *testing.T) {
	t.Parallel()
	w := wellMade{env: map[string]string{}}
	for says, c := range map[string]struct {
		env  map[string]string
		args []string
	}{
		"RELAY_TLS: \"maybe\" is neither on nor off": {map[string]string{"RELAY_TLS": "maybe"}, nil},
		"flag provided but not defined":              {nil, []string{"--fast"}},
		"takes no argument":                          {nil, []string{"now"}},
		"--url must be":                              {nil, []string{"--url", "ftp://ci.example.com"}},
		"nothing behind":                             {nil, []string{"--url", "https://ci.example.com/relay"}},
		"no such file":                               {nil, []string{"--ca-file", "/none.pem"}},
	} {
		stdout, stderr, code := w.run(t, c.env, c.args...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, says) {
			t.Errorf("%s: code %d, %s%s", says, code, stdout, stderr)
		}
	}
	if stdout, stderr, code := w.run(t, nil, "-h"); code != 0 || !strings.Contains(stdout+stderr, "exit code") {
		t.Errorf("-h: code %d, %s%s", code, stdout, stderr)
	}
}
