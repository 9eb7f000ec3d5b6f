package checkup_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/checkup"
)

func graded(findings ...checkup.Finding) map[string]checkup.Grade {
	all := make(map[string]checkup.Grade)
	for _, f := range findings {
		all[f.Name] = f.Grade
	}
	return all
}

const (
	good = checkup.Good
	note = checkup.Note
	fail = checkup.Fail
)

func TestOpenFilesAreJudgedByTheConnectionsThatMayBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files, connections int64
		want               checkup.Grade
	}{
		{0, 1_000_000, good},
		{1024, 0, note},
		{20_000, 0, good},
		{1024, 1000, fail},
		{1024, 896, note},
		{1024, 897, fail},
		{1024, 256, good},
		{1 << 20, 900_000, good},
		{1 << 20, 1_000_000, fail},
	} {
		p := checkup.Process{Files: c.files, Connections: c.connections}
		if got := graded(p.Judge()...)["limits.files"]; got != c.want {
			t.Errorf("%d files, %d connections: %s, want %s", c.files, c.connections, got, c.want)
		}
	}
}

func TestAProcessIsJudgedByWhatItMayHaveAndDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		process checkup.Process
		want    map[string]checkup.Grade
	}{
		"as it should be": {checkup.Process{Memory: 1 << 30, Feeds: 256 << 20, User: 65532}, map[string]checkup.Grade{
			"limits.files": good, "limits.memory": good, "process.user": good, "process.root": good,
		}},
		"root, with no end": {checkup.Process{Feeds: 256 << 20, Writable: true}, map[string]checkup.Grade{
			"limits.files": good, "limits.memory": note, "process.user": note, "process.root": note,
		}},
		"more for events than there is": {checkup.Process{Memory: 256 << 20, Feeds: 256 << 20, User: 1}, map[string]checkup.Grade{
			"limits.files": good, "limits.memory": fail, "process.user": good, "process.root": good,
		}},
	} {
		if diff := cmp.Diff(c.want, graded(c.process.Judge()...)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Of several masters the worst is told.
func TestTheWorstMasterIsTold(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ends := func(after time.Duration) *x509.Certificate {
		return &x509.Certificate{NotBefore: now.Add(-2000 * time.Hour), NotAfter: now.Add(after)}
	}
	fine := checkup.Redis{Address: "a:1", Trip: time.Millisecond, Used: 10, Most: 100, Certificate: ends(1000 * time.Hour)}
	for name, c := range map[string]struct {
		worse checkup.Redis
		want  map[string]checkup.Grade
	}{
		"none":      {fine, map[string]checkup.Grade{"redis.latency": good, "redis.clock": good, "redis.memory": good, "redis.user": good, "redis.expiry": good}},
		"slow":      {checkup.Redis{Address: "b:1", Trip: 300 * time.Millisecond, Used: 10, Most: 100}, map[string]checkup.Grade{"redis.latency": note}},
		"very slow": {checkup.Redis{Address: "b:1", Trip: 3 * time.Second, Used: 10, Most: 100}, map[string]checkup.Grade{"redis.latency": fail}},
		"ahead":     {checkup.Redis{Address: "b:1", Ahead: 5 * time.Second, Used: 10, Most: 100}, map[string]checkup.Grade{"redis.clock": fail}},
		"behind":    {checkup.Redis{Address: "b:1", Ahead: -6 * time.Second, Used: 10, Most: 100}, map[string]checkup.Grade{"redis.clock": fail}},
		"full":      {checkup.Redis{Address: "b:1", Used: 900, Most: 1000}, map[string]checkup.Grade{"redis.memory": fail}},
		"no end":    {checkup.Redis{Address: "b:1", Used: 900}, map[string]checkup.Grade{"redis.memory": note}},
		"open":      {checkup.Redis{Address: "b:1", Most: 1, Open: true}, map[string]checkup.Grade{"redis.user": fail}},
		"open here": {checkup.Redis{Address: "b:1", Most: 1, Open: true, Local: true}, map[string]checkup.Grade{"redis.user": note}},
		"a master":  {checkup.Redis{Address: "b:1", Most: 1, AllRights: true}, map[string]checkup.Grade{"redis.user": note}},
		"ends soon": {checkup.Redis{Address: "b:1", Most: 1, Certificate: ends(300 * time.Hour)}, map[string]checkup.Grade{"redis.expiry": fail}},
		"has ended": {checkup.Redis{Address: "b:1", Most: 1, Certificate: ends(-time.Minute)}, map[string]checkup.Grade{"redis.expiry": fail}},
	} {
		for _, all := range [][]checkup.Redis{{fine, c.worse}, {c.worse, fine}} {
			got := graded(checkup.Masters(all, now)...)
			for of, want := range map[string]checkup.Grade{"redis.latency": good, "redis.clock": good, "redis.memory": good, "redis.user": good, "redis.expiry": good} {
				if wanted, said := c.want[of]; said {
					want = wanted
				}
				if got[of] != want {
					t.Errorf("%s: %s is %s, want %s", name, of, got[of], want)
				}
			}
		}
	}
}

func TestNodesAreJudgedByWhoAnswers(t *testing.T) {
	t.Parallel()
	one, two := checkup.Node{Name: "one", Version: "1"}, checkup.Node{Name: "two", Version: "1"}
	newer, behind := checkup.Node{Name: "two", Version: "2"}, checkup.Node{Name: "two", Version: "1", Forwarder: "10.0.0.1"}
	for name, c := range map[string]struct {
		answered []checkup.Node
		leases   int
		site     bool
		want     map[string]checkup.Grade
	}{
		"all":              {[]checkup.Node{one, two}, 2, true, map[string]checkup.Grade{"nodes": good, "nodes.version": good, "proxies": good}},
		"one more":         {[]checkup.Node{one, two}, 1, true, map[string]checkup.Grade{"nodes": good, "nodes.version": good, "proxies": good}},
		"none, of none":    {nil, 0, false, map[string]checkup.Grade{"nodes": note}},
		"one, of no Redis": {nil, 0, true, map[string]checkup.Grade{"nodes": fail}},
		"none, of one":     {nil, 1, false, map[string]checkup.Grade{"nodes": fail}},
		"one of two":       {[]checkup.Node{one}, 2, true, map[string]checkup.Grade{"nodes": fail, "nodes.version": good, "proxies": good}},
		"of two versions":  {[]checkup.Node{one, newer}, 2, true, map[string]checkup.Grade{"nodes": good, "nodes.version": note, "proxies": good}},
		"before a proxy":   {[]checkup.Node{one, behind}, 2, true, map[string]checkup.Grade{"nodes": good, "nodes.version": good, "proxies": note}},
	} {
		if diff := cmp.Diff(c.want, graded(checkup.Nodes(c.answered, c.leases, c.site)...)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestSecretsThatCanBeGuessedAreTold(t *testing.T) {
	t.Parallel()
	f := checkup.Secrets([]checkup.Secret{{What: "key a", Length: 20}, {What: "key b", Length: 19}, {What: "key c", Length: 40, Known: true}})
	const want = "key b has fewer than 20 characters; key c is one that everybody knows"
	if f.Grade != fail || f.Text != want {
		t.Errorf("told %+v", f)
	}
	if f := checkup.Secrets([]checkup.Secret{{What: "key a", Length: 20}}); f.Grade != good {
		t.Errorf("told %+v", f)
	}
}

func TestTLSIsJudgedByTheOldestThatIsSpoken(t *testing.T) {
	t.Parallel()
	today := []string{"TLS 1.2", "TLS 1.3"}
	for name, c := range map[string]struct {
		spoken checkup.Protocols
		want   checkup.Grade
	}{
		"as it should be": {checkup.Protocols{Good: today, HTTP1: true}, good},
		"1.2 alone":       {checkup.Protocols{Good: today[:1], HTTP1: true}, good},
		"1.1":             {checkup.Protocols{Good: today, Old: []string{"TLS 1.1"}, HTTP1: true}, fail},
		"weak":            {checkup.Protocols{Good: today, Weak: true, HTTP1: true}, note},
		"HTTP/2 alone":    {checkup.Protocols{Good: today}, fail},
		"nothing":         {checkup.Protocols{Old: []string{"TLS 1.0"}, HTTP1: true}, fail},
	} {
		if f := checkup.TLS("url", c.spoken); f.Grade != c.want || f.Name != "url.versions" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestAReportTellsWhatFailedLastAndWhatToDo(t *testing.T) {
	t.Parallel()
	r := checkup.NewReport([]checkup.Finding{
		checkup.Failed("b", "mend it", "broken\nby \x1b[2J%s", "somebody"), checkup.OK("a.long", "fine"), checkup.Noted("c", "", "odd"),
	})
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	const want = "ok    a.long  fine\n" +
		"note  c       odd\n" +
		"FAIL  b       broken by �[2Jsomebody\n" +
		"              -> mend it\n" +
		"\n1 ok, 1 to note, 1 failed\n"
	if diff := cmp.Diff(want, out.String()); diff != "" || r.OK {
		t.Errorf("ok is %v\n%s", r.OK, diff)
	}
	if r := checkup.NewReport(nil); !r.OK || r.Findings == nil {
		t.Errorf("nothing is reported as %+v", r)
	}
}

func TestADiskIsJudgedByWhatIsFree(t *testing.T) {
	t.Parallel()
	for free, want := range map[uint64]checkup.Grade{0: fail, 99: fail, 100: good, 1000: good} {
		if f := checkup.Disk("audit.disk", "/data", free, 1000); f.Grade != want {
			t.Errorf("%d of 1000: %+v", free, f)
		}
	}
}
