package admin_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/admin"
	"buildrelay/relay/audit/store"
)

func TestWhoWasRefusedIsRecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, path := range []string{"/audit/records?actor=x", "/keys", "/debug/pprof/"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		request.Header.Set("Authorization", "Bearer hunter2")
		r.Denied(request, "wrong token")
	}
	for _, found := range r.recorded(t, audit.ActionAdminDenied, 3) {
		text := string(found.Line)
		for _, want := range []string{`"success":false`, `"reason":"wrong token"`, `"actor":{"id":"127.0.0.1","type":"admin"}`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is not in %s", want, text)
			}
		}
		if strings.Contains(text, "hunter2") || strings.Contains(text, "actor=x") {
			t.Errorf("what was asked for, or shown, is in %s", text)
		}
	}
}

func TestWhoReadsIsRecordedByNameWhereThatIsKnown(t *testing.T) {
	t.Parallel()
	who := ""
	r := newRig(t, func(a *admin.Admin) { a.Name = func(*http.Request) string { return who } })
	r.records(t, "?actor=1")
	who = "ada.example.com"
	r.records(t, "?actor=1") // another reader's same question
	found := r.recorded(t, audit.ActionAuditRead, 2)
	for i, want := range []string{`{"id":"ada.example.com","type":"admin"}`, `{"id":"127.0.0.1","type":"admin"}`} { // the newest first
		if text := string(found[i].Line); !strings.Contains(text, `"actor":`+want) || !strings.Contains(text, `"ip":"127.0.0.1"`) {
			t.Errorf("it is recorded as %s, not by %s", text, want)
		}
	}
}

// answer is what /audit/records answers.
type answer struct {
	Records []struct {
		Record struct{ Payload struct{ N int } }
		Chain  string
		Seq    int64
	}
	Before   string
	State    struct{ OK bool }
	Strict   bool
	Insecure []string
}

func (r *rig) records(t *testing.T, query string) (a answer) {
	t.Helper()
	response := r.get(t, "/audit/records"+query, nil)
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRecordsComeNewestFirstPageByPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.add(t, 25)
	const query = "?action=test.*&limit=10"
	var seen []int
	a := r.records(t, query)
	for {
		if !a.State.OK || !a.Strict {
			t.Errorf("the page is told %+v", a)
		}
		for _, row := range a.Records {
			seen = append(seen, row.Record.Payload.N)
			if row.Chain != "node-1" || row.Seq < 1 {
				t.Errorf("a record is at %s %d", row.Chain, row.Seq)
			}
		}
		if a.Before == "" {
			break
		}
		a = r.records(t, query+"&before="+a.Before)
	}
	for i, n := range seen {
		if n != 24-i || len(seen) != 25 {
			t.Fatalf("the records come as %v", seen)
		}
	}
	r.recorded(t, audit.ActionAuditRead, 1) // the same question, again and again
	r.records(t, "?actor=user-1")
	r.recorded(t, audit.ActionAuditRead, 2)
}

// Who was recorded to look at an hour has not been recorded to look at everything.
func TestAQuestionAboutALongerTimeIsRecordedAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.add(t, 1)
	for _, c := range []struct {
		query string
		want  int
	}{
		{"?since=1h", 1},
		{"?since=30m", 1},
		{"?since=24h", 2},
		{"?since=1h", 2},
		{"", 3},
		{"?since=2020-01-01&until=2020-01-02", 3},
	} {
		r.records(t, c.query)
		r.recorded(t, audit.ActionAuditRead, c.want)
	}
}

func TestThePageIsToldWhatIsNotSecure(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(a *admin.Admin) { a.Insecure = func() []string { return []string{"serving without TLS"} } })
	if a := r.records(t, ""); len(a.Insecure) != 1 || a.Insecure[0] != "serving without TLS" {
		t.Errorf("it is told %q", a.Insecure)
	}
}

func TestAWrongQuestionIsExplained(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for query, says := range map[string]string{
		"?since=now": "since: ", "?limit=0": "limit: ", "?limit=501": "limit: ", "?before=x": "before: ", "?action=x": "action: ",
	} {
		response := r.get(t, "/audit/records"+query, nil)
		text, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusBadRequest || !strings.HasPrefix(string(text), says) {
			t.Errorf("%s is answered %d %s", query, response.StatusCode, text)
		}
	}
	r.recorded(t, audit.ActionAuditRead, 0)
}

func TestADownloadHasAllThatWasAskedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.add(t, 2500)
	response := r.get(t, "/audit/export.csv?actor=user-1", nil)
	if name := response.Header.Get("Content-Disposition"); !strings.HasPrefix(name, `attachment; filename="audit-2`) || !strings.HasSuffix(name, `.csv"`) {
		t.Errorf("it is kept as %s", name)
	}
	table, err := csv.NewReader(response.Body).ReadAll()
	if err != nil || len(table) != 1251 || table[0][0] != "action" || table[1250][3] != `{"n":2499}` {
		t.Errorf("%d rows came, %v", len(table), err)
	}
	lines := bufio.NewScanner(r.get(t, "/audit/export.ndjson?action=test.record.add", nil).Body)
	n := 0
	for ; lines.Scan(); n++ {
		if !json.Valid(lines.Bytes()) {
			t.Fatalf("a line is %s", lines.Text())
		}
	}
	if n != 2500 {
		t.Errorf("%d lines came", n)
	}
	r.recorded(t, audit.ActionAuditExport, 2)
}

// stuck gives a page, and when it may an error.
type stuck struct {
	admin.Store
	may   <-chan struct{}
	pages int
}

func (s *stuck) Page(ctx context.Context, f audit.Filter, after store.Place, n int) ([]audit.Stored, error) {
	if s.pages++; s.pages > 1 {
		<-s.may
		return nil, errors.New("the database is gone")
	}
	return s.Store.Page(ctx, f, after, n)
}

// gone is a database that does not answer.
type gone struct{ admin.Store }

func (gone) Page(context.Context, audit.Filter, store.Place, int) ([]audit.Stored, error) {
	return nil, errors.New("the database is gone")
}

func TestADownloadFromADatabaseThatIsGoneIsAnError(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(a *admin.Admin) { a.Store = gone{a.Store} })
	response := r.get(t, "/audit/export.csv", nil)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Content-Disposition") != "" {
		t.Errorf("it is answered %d %v", response.StatusCode, response.Header)
	}
}

func TestADownloadBeginsWithTheFirstPageAndABrokenOneDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	may := make(chan struct{})
	r := newRig(t, func(a *admin.Admin) { a.Store = &stuck{Store: a.Store, may: may} })
	r.add(t, 1500)
	response := r.get(t, "/audit/export.csv", nil)
	reader := bufio.NewReader(response.Body)
	if header, err := reader.ReadString('\n'); err != nil || !strings.HasPrefix(header, "action,") {
		t.Fatalf("before the second page is read there is %q, %v", header, err)
	}
	close(may)
	rest, err := io.ReadAll(reader)
	if err == nil {
		t.Error("a download that was broken off ends as a whole one")
	}
	if n := strings.Count(string(rest), "\r\n"); n != 1000 {
		t.Errorf("%d records came", n)
	}
}

// deaf records nothing.
type deaf struct{ admin.Trail }

func (deaf) Confirm(context.Context, audit.Record) error { return errors.New("not recorded") }

func TestNobodyReadsWhoCannotBeRecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(a *admin.Admin) { a.Trail = deaf{a.Trail} })
	r.add(t, 1)
	for _, target := range []string{"/audit/records", "/audit/export.csv"} {
		response := r.get(t, target, nil)
		text, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusServiceUnavailable || strings.Contains(string(text), "test.record") {
			t.Errorf("%s is answered %d %s", target, response.StatusCode, text)
		}
	}
}
