package api_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/api"
	"buildrelay/relay/relaytest"
)

const logPath = logChannel + "/log"

func TestTheTextIsTheWholeLog(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10_000)
	raw := []byte("\xff\x00bytes\n")
	w.publish(
		protocol.Event{Name: "build:started", Channel: logChannel, Data: `{"command":["make"],"text":"not output"}`},
		output("\x1b[32mok\x1b[0m "),
		protocol.Event{Name: "build:output", Channel: logChannel, Data: `{"base64":"` + base64.StdEncoding.EncodeToString(raw) + `"}`},
		protocol.Event{Name: "note", Channel: logChannel, Data: `plain`},
		protocol.Event{Name: "note", Channel: logChannel, Data: `{"something":"else"}`},
		protocol.Event{Name: "note", Channel: logChannel, Data: `["an array"]`},
	)
	w.print(1, 800)
	want := "\x1b[32mok\x1b[0m " + string(raw) + "plain\n[\"an array\"]\n" + lines(1, 800)
	response, text := w.get(logPath, "")
	if text != want {
		t.Errorf("got %.200q", text)
	}
	expectTrailer(t, response, "0", "false") // the log goes on
	w.publish(final())
	response, text = w.get(logPath, "download=1")
	if text != want {
		t.Errorf("closed: got %.200q", text)
	}
	expectTrailer(t, response, "0", "true")
	for name, value := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Disposition": `attachment; filename="log-private-build-7.txt"`, "Accept-Ranges": "bytes",
	} {
		if got := response.header.Get(name); got != value {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func expectTrailer(t *testing.T, response answered, gaps, complete string) {
	t.Helper()
	if got := response.trailer; got.Get("X-Buildrelay-Gaps") != gaps || got.Get("X-Buildrelay-Complete") != complete {
		t.Errorf("the trailer is %v, want %s gaps, complete %s", got, gaps, complete)
	}
}

func TestTheTextTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 20)
	at := w.print(1, 30)
	w.publish(output("half a line"), protocol.Event{Name: "build:output", Channel: logChannel, Data: `{"seq":2,"offset":9,"lost":12}`}, final())
	w.spoil(at[19])
	response, text := w.get(logPath, "")
	want := "=== buildrelay: 13 events are missing: the log does not keep them any more ===\n" + lines(14, 6) +
		"=== buildrelay: 1 event is missing: what Redis has there can't be read ===\n" + lines(21, 10) +
		"half a line\n=== buildrelay: 12 bytes of the output are missing: not published in time ===\n"
	if text != want {
		t.Errorf("got\n%s", text)
	}
	expectTrailer(t, response, "3", "false")
}

// follow starts to follow the log.
func (w *logWorld) follow() (answered, io.Reader) {
	w.t.Helper()
	response, body := w.call(http.MethodGet, logPath, "follow=1")
	if response.status != http.StatusOK {
		w.t.Fatalf("following: status %d", response.status)
	}
	return response, body
}

func expectText(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Fatalf("got %.200q (%v), want %.200q", got[:n], err, want)
	}
}

func TestFollowingGoesOnToTheFinalEntry(t *testing.T) {
	t.Parallel()
	const serverTimeout = 2 * time.Second // which must not end it
	w := newLogWorld(t, 10_000, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = serverTimeout, serverTimeout })
	began := time.Now()
	response, body := w.follow() // before there is a log
	next := time.NewTicker(serverTimeout / 2)
	defer next.Stop()
	for n := 1; time.Since(began) < 2*serverTimeout; n += 600 {
		w.print(n, 600)
		expectText(t, body, lines(n, 600))
		<-next.C
	}
	w.publish(final())
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("at the end came %q, %v", rest, err)
	}
	expectTrailer(t, response, "0", "true")
}

func TestFollowingOutlivesRedis(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	response, body := w.follow()
	w.print(1, 1)
	expectText(t, body, line(1))
	w.redis.Restart() // with all that it had
	w.publishAgain(output("the other log\n"), final())
	expectText(t, body, "=== buildrelay: the log up to here is gone: it expired, Redis lost it, or a new one took its place ===\nthe other log\n")
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("at the end came %q, %v", rest, err)
	}
	expectTrailer(t, response, "1", "false")
}

// publishAgain publishes as soon as the broker reaches Redis again.
func (w *logWorld) publishAgain(events ...protocol.Event) {
	w.t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		_, err := w.broker.Publish(w.t.Context(), "3", events)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-time.After(relaytest.Patience):
			w.t.Fatal(err)
		}
	}
}

// A text that ends before the log does is cut off, and not ended.
func TestFollowingIsCutOffWhenTheNodeStops(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	w.print(1, 1)
	_, body := w.follow()
	expectText(t, body, line(1))
	close(w.stopping)
	if rest, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ended with %q, %v", rest, err)
	}
}

func TestReadersAreCountedAndBounded(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	w.print(1, 1)
	for range 256 {
		w.follow()
	}
	for path, query := range map[string]string{logPath: "", logChannel + "/history": "wait=1s"} {
		response, body := w.get(path, query)
		if response.status != http.StatusServiceUnavailable || !strings.Contains(body, "256") {
			t.Errorf("one more, %s: %d %s", path, response.status, body)
		}
	}
	w.history("")      // which does not stay
	w.publish(final()) // after which nobody stays
	w.awaitReaders(0)
	if response, text := w.get(logPath, ""); response.status != http.StatusOK || text != line(1) {
		t.Errorf("when all have gone: %d %s", response.status, text)
	}
}

func TestAClientThatLeavesIsNotServedOn(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.target(http.MethodGet, logPath, "follow=1"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	w.awaitReaders(1)
	leave()
	w.awaitReaders(0)
}

func TestCurlFollowsALog(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	w := newLogWorld(t, 100)
	cmd := exec.CommandContext(t.Context(), curl, "-sSN", "-D", "/dev/stderr", w.target(http.MethodGet, logPath, "follow=1"))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var headers strings.Builder
	cmd.Stderr = &headers
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.print(1, 1)
	expectText(t, stdout, line(1))
	w.publish(output("last"), final())
	expectText(t, stdout, "last")
	if err := cmd.Wait(); err != nil || !strings.Contains(headers.String(), "X-Buildrelay-Complete: true") {
		t.Errorf("curl ended with %v:\n%s", err, headers.String())
	}
}

func TestRangesAreSlicesOfTheWhole(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10_000)
	w.print(1, 600)
	w.publish(output("half a line"))
	at := w.print(601, 700)
	w.publish(output(strings.Repeat("x", 100_000)), final())
	w.spoil(at[0]) // the notice begins a line, and a piece of the text
	whole, text := w.get(logPath, "")
	size := len(text)
	head, _ := w.call(http.MethodHead, logPath, "")
	etag := head.header.Get("ETag")
	if sent := whole.header.Get("ETag"); sent != "" {
		t.Errorf("a text that is still read has the ETag %s", sent)
	}
	if !strings.Contains(text, "can't be read ===") || etag == "" {
		t.Fatal("the log is not what this test needs")
	}
	for _, r := range [][2]int{{0, 0}, {0, size - 1}, {5, 10}, {4000, 9000}, {size - 100_010, size - 1}, {size - 1, size - 1}, {1, size - 2}} {
		response, got := w.get(logPath, "", "Range", fmt.Sprintf("bytes=%d-%d", r[0], r[1]))
		want := fmt.Sprintf("bytes %d-%d/%d", r[0], r[1], size)
		if response.status != http.StatusPartialContent || response.header.Get("Content-Range") != want || got != text[r[0]:r[1]+1] {
			t.Errorf("%v: %d, %s, %d bytes", r, response.status, response.header.Get("Content-Range"), len(got))
		}
	}
	expect := func(status int, want string, header ...string) {
		t.Helper()
		if response, got := w.get(logPath, "", header...); response.status != status || got != want {
			t.Errorf("%v: %d, %d bytes", header, response.status, len(got))
		}
	}
	expect(http.StatusPartialContent, text[size-77:], "Range", "bytes=-77")
	expect(http.StatusPartialContent, text[12:], "Range", "bytes=12-")
	expect(http.StatusPartialContent, text, "Range", fmt.Sprintf("bytes=-%d", 10*size))
	expect(http.StatusPartialContent, text[12:], "Range", "bytes=12-", "If-Range", etag)
	expect(http.StatusOK, text, "Range", "bytes=12-", "If-Range", `"another"`)
	for _, r := range []string{fmt.Sprintf("bytes=%d-", size), "bytes=5-4", "bytes=x"} {
		response, _ := w.get(logPath, "", "Range", r)
		if response.status != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("%s: %d", r, response.status)
		}
	}
}

// Where the beginning was trimmed away, a byte has no lasting number: who resumes a
// download by one would get text that does not fit, and is not given it.
func TestRangesOfATrimmedLogAreCountedFromItsEnd(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10)
	w.print(1, 15)
	_, text := w.get(logPath, "")
	head, _ := w.call(http.MethodHead, logPath, "")
	expect := func(status int, want string, header ...string) {
		t.Helper()
		if response, got := w.get(logPath, "", header...); response.status != status || got != want {
			t.Errorf("%v: %d, %q", header, response.status, got)
		}
	}
	expect(http.StatusPartialContent, line(15), "Range", "bytes=-8")
	expect(http.StatusOK, text, "Range", "bytes=20-")
	expect(http.StatusPartialContent, text[20:], "Range", "bytes=20-", "If-Range", head.header.Get("ETag"))
	w.print(16, 1)
	_, text = w.get(logPath, "")
	expect(http.StatusOK, text, "Range", "bytes=20-", "If-Range", head.header.Get("ETag"))
}

// What is masked may be another tomorrow, and with it the number of each byte.
func TestRangesOfAMaskedLogAreCountedFromItsEnd(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10_000)
	w.api.Masks = &maskBook{}
	w.print(1, 15)
	_, text := w.get(logPath, "")
	head, _ := w.call(http.MethodHead, logPath, "")
	for _, test := range []struct {
		status int
		want   string
		header []string
	}{
		{http.StatusOK, text, []string{"Range", "bytes=20-"}},
		{http.StatusPartialContent, line(15), []string{"Range", "bytes=-8"}},
		{http.StatusPartialContent, text[20:], []string{"Range", "bytes=20-", "If-Range", head.header.Get("ETag")}},
		{http.StatusOK, text, []string{"Range", "bytes=20-", "If-Range", `"of what was masked otherwise"`}},
	} {
		if response, got := w.get(logPath, "", test.header...); response.status != test.status || got != test.want {
			t.Errorf("%v: %d, %q", test.header, response.status, got)
		}
	}
}

// meddling does something before a read of the log.
type meddling struct {
	api.Logs
	reads, when int
	what        func()
}

func (m *meddling) ReadLog(ctx context.Context, appID, channel string, start protocol.Start) (protocol.Page, error) {
	if m.reads++; m.reads == m.when {
		m.what()
	}
	return m.Logs.ReadLog(ctx, appID, channel, start)
}

// The length has been told when a part of the text is found to be gone: nothing else
// can be put in its place, so the answer breaks off.
func TestARangeIsCutOffWhereTheLogIsTrimmedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 1200)
	w.print(1, 1200)
	// The log is read once to begin, three times to be measured, and then to be sent.
	w.api.Logs = &meddling{Logs: w.broker, when: 6, what: func() { w.print(1201, 1100) }}
	_, body := w.call(http.MethodGet, logPath, "", "Range", "bytes=5-")
	text, err := io.ReadAll(body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(lines(1, 1200)[5:], string(text)) || len(text) == 0 {
		t.Errorf("got %d bytes, %v", len(text), err)
	}
}

// What was appended after the measure was taken, or is missing there, is not in the answer.
func TestARangeEndsWhereTheLogDidAtFirst(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 5000)
	w.print(1, 1200)
	w.api.Logs = &meddling{Logs: w.broker, when: 2, what: func() {
		at := w.print(1201, 1100)
		w.spoil(at[0], at[2])
	}}
	if response, text := w.get(logPath, "", "Range", "bytes=5-"); response.status != http.StatusPartialContent || text != lines(1, 1200)[5:] {
		t.Errorf("%d, %d bytes", response.status, len(text))
	}
}

func TestHeadTellsTheLength(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 1000)
	w.print(1, 600)
	w.publish(final())
	for _, header := range [][]string{nil, {"Range", "bytes=5-9"}} {
		response, _ := w.call(http.MethodHead, logPath, "", header...)
		if response.status != http.StatusOK || response.length != int64(len(lines(1, 600))) ||
			response.header.Get("X-Buildrelay-Complete") != "true" || response.header.Get("Accept-Ranges") != "bytes" {
			t.Errorf("%v: %d %v", header, response.status, response.header)
		}
	}
	if response, _ := w.call(http.MethodHead, logPath, "follow=1"); response.status != http.StatusOK || response.length >= 0 {
		t.Errorf("following: %d %v", response.status, response.header)
	}
	// The URL that somebody was given was signed for GET.
	response, err := http.Head(w.target(http.MethodGet, logPath, ""))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("signed as GET: %s", response.Status)
	}
}
