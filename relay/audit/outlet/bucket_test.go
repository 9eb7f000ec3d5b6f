package outlet_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
	"buildrelay/relay/relaytest"
)

func newBucketRig(t testing.TB, s *trail, server *bucketServer, gather time.Duration) *rig {
	t.Helper()
	r := newRig(t, s, nil, bucketSetting(server.address))
	r.Hurry(gather)
	return r
}

func TestABucketIsTestedFirstAndThenHasObjectsOfAllRecordsAndHeads(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	r := newBucketRig(t, newTrail(t), server, time.Hour)
	r.Flush(time.Minute)
	want := r.trail.add(t, 1500)
	before := time.Now().UTC()
	r.run(t)
	relaytest.Eventually(t, "a full object is put", func() bool { return r.cursor(r.targets[0]) == 1000 })
	relaytest.Eventually(t, "the lag is what is left", func() bool { return r.lag("s3") == 500 })
	r.stop()
	day := before.Format("2006/01/02/")
	if time.Now().UTC().Format("2006/01/02/") != day {
		t.Skip("it was midnight")
	}
	names := server.put()
	if len(names) == 0 || !regexp.MustCompile(`^some/prefix/buildrelay_connectivity_test_\d{10}$`).MatchString(names[0]) {
		t.Fatalf("objects: %q", names)
	}
	if text, _ := server.object(names[0]); text != "" {
		t.Errorf("the first object has %q", text)
	}
	folder := prefix + day + chain + "-"
	if diff := cmp.Diff([]string{
		folder + "1-1000.ndjson", folder + "1000.head.ndjson", folder + "1001-1500.ndjson", folder + "1500.head.ndjson",
	}, names[1:]); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	expectOnce(t, want, server.records())
	for _, name := range names[1:] {
		text, contentType := server.object(name)
		if contentType != "application/x-ndjson" || !strings.HasSuffix(text, "}\n") {
			t.Errorf("%s is %s and ends with %q", name, contentType, text[max(0, len(text)-5):])
		}
	}
	var head audit.Head
	text, _ := server.object(names[4])
	if err := json.Unmarshal([]byte(text), &head); err != nil || head.Seq != 1500 {
		t.Errorf("the head is %s: %v", text, err)
	}
	r.trail.checkHeads(t, []audit.Head{head}, 1)
}

func TestNoOtherRightIsNeededThanToPutObjects(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	r := newBucketRig(t, newTrail(t), server, 0)
	r.trail.add(t, 5)
	r.run(t)
	r.stop()
	if len(server.records()) != 5 {
		t.Errorf("objects: %q", server.put())
	}
	for _, request := range server.requests {
		if request.Method != http.MethodPut || request.URL.RawQuery != "" || request.Header.Get("Content-Md5") == "" {
			t.Errorf("%s %s, %v", request.Method, request.URL, request.Header)
		}
	}
}

func TestAnObjectIsPutWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	r := newBucketRig(t, newTrail(t), server, 100*time.Millisecond)
	want := r.trail.add(t, 2)
	r.run(t)
	expectOnce(t, want, server.await(2))
	want = append(want, r.trail.add(t, 3)...)
	r.Wake()
	expectOnce(t, want, server.await(5))
}

// The keys are wrong, and then put right. What the server says of it may hold anything.
func TestABucketThatRefusesIsToldOnceAndGetsEverythingLater(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	server.does(refuse(http.StatusForbidden, "SignatureDoesNotMatch"))
	r := newBucketRig(t, newTrail(t), server, 10*time.Millisecond)
	want := r.trail.add(t, 40)
	r.run(t)
	relaytest.Eventually(t, "it is tried often", func() bool { return r.failed("s3") >= 5 })
	server.does(refuse(http.StatusServiceUnavailable, secret))
	relaytest.Eventually(t, "another answer is told", func() bool { return r.log.times("status 503") == 1 })
	server.does(nil)
	expectAll(t, want, server.await(40))
	relaytest.Eventually(t, "the log says so", func() bool { return r.log.times("takes audit records again") == 1 })
	if r.log.times(`reason="status 403 SignatureDoesNotMatch"`) != 1 || r.log.times("level=ERROR") != 2 {
		t.Errorf("the log says %s", r.log)
	}
	for _, hidden := range []string{secret, "zQ7", "access", "AWS4"} {
		if r.log.times(hidden) != 0 {
			t.Errorf("the log shows %s: %s", hidden, r.log)
		}
	}
}

func TestABucketThatIsDownInBetweenGetsEverythingInOrder(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	r := newBucketRig(t, newTrail(t), server, 20*time.Millisecond)
	r.run(t)
	var want []string
	for range 4 {
		want = append(want, r.trail.add(t, 30)...)
		r.Wake()
		expectAll(t, want, server.await(len(want)))
		server.stop()
		want = append(want, r.trail.add(t, 30)...)
		r.Wake()
		from := r.failed("s3")
		relaytest.Eventually(t, "it fails", func() bool { return r.failed("s3") > from+1 })
		server.start()
		expectAll(t, want, server.await(len(want)))
	}
}

// It takes some of an object, or all of it, and then no answer comes.
func TestABucketThatHangsOrCutsGetsEverythingInOrder(t *testing.T) {
	t.Parallel()
	cases := map[string]func(r *http.Request, release <-chan struct{}){
		"hangs": func(r *http.Request, release <-chan struct{}) {
			_, _ = io.CopyN(io.Discard, r.Body, 100)
			<-release
		},
		"cuts": func(r *http.Request, _ <-chan struct{}) {
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			panic(http.ErrAbortHandler)
		},
	}
	for name, instead := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newBucketServer(t)
			r := newBucketRig(t, newTrail(t), server, 10*time.Millisecond)
			r.Answer(200 * time.Millisecond)
			r.run(t)
			want := r.trail.add(t, 20)
			r.Wake()
			expectAll(t, want, server.await(20))
			release := make(chan struct{})
			server.does(func(_ http.ResponseWriter, r *http.Request) { instead(r, release) })
			want = append(want, r.trail.add(t, 250)...)
			r.Wake()
			relaytest.Eventually(t, "it is tried again", func() bool { return r.failed("s3") >= 3 })
			server.does(nil)
			close(release)
			expectAll(t, want, server.await(270))
		})
	}
}

// It was put, but the answer did not come: it comes again, and no record is out of order.
func TestAnAnswerThatIsLostCostsNoRecord(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	r := newBucketRig(t, newTrail(t), server, 10*time.Millisecond)
	server.does(func(_ http.ResponseWriter, request *http.Request) {
		server.does(nil)
		server.ServeHTTP(discard{http.Header{}}, request)
		panic(http.ErrAbortHandler)
	})
	want := r.trail.add(t, 20)
	r.run(t)
	expectAll(t, want, server.await(20))
}

// discard is an answer that goes nowhere.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestABucketGoesOnFromTheCursor(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	s := newTrail(t)
	var want []string
	for range 3 {
		want = append(want, s.add(t, 11)...)
		r := newBucketRig(t, s, server, time.Hour).run(t)
		r.stop()
		expectOnce(t, want, server.records())
	}
	var tests int
	for _, name := range server.put() {
		if strings.Contains(name, "connectivity") {
			tests++
		}
	}
	// Those of the same second have the same name.
	if tests != 3 {
		t.Errorf("%d tests: %q", tests, server.put())
	}
}

func TestTLSIsUsedUnlessItIsOff(t *testing.T) {
	t.Parallel()
	server := newBucketServer(t)
	r := newRig(t, newTrail(t), nil, fmt.Sprintf("s3://access:%s@%s/trail", secret, server.address))
	r.Hurry(0)
	r.trail.add(t, 1)
	r.run(t)
	relaytest.Eventually(t, "the log says why", func() bool { return r.log.times("speaks no TLS") == 1 })
	if len(server.requests) != 0 {
		t.Error("it was asked")
	}
}
