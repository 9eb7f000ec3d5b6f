package outlet_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"buildrelay/relay/relaytest"
)

const prefix = "some/prefix/"

// bucketServer has one bucket.
type bucketServer struct {
	t       testing.TB
	address string
	http    *httptest.Server
	s3      http.Handler
	store   *s3mem.Backend

	mu       sync.Mutex
	requests []*http.Request
	names    []string // of objects, in the order in which they were put
	// instead answers a request; nil: the bucket does.
	instead http.HandlerFunc
}

func newBucketServer(t testing.TB) *bucketServer {
	t.Helper()
	store := s3mem.New()
	s := &bucketServer{
		t: t, store: store, address: "127.0.0.1:0",
		s3: gofakes3.New(store, gofakes3.WithIntegrityCheck(true), gofakes3.WithLogger(gofakes3.DiscardLog())).Server(),
	}
	if err := store.CreateBucket("trail"); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *bucketServer) start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	s.http = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s}}
	s.http.Start()
}

func (s *bucketServer) stop() {
	s.http.CloseClientConnections()
	s.http.Close()
}

func (s *bucketServer) does(instead http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = instead
}

// ServeHTTP notes what is asked for.
func (s *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	instead := s.instead
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	answer := httptest.NewRecorder()
	s.s3.ServeHTTP(answer, r)
	name, _ := strings.CutPrefix(r.URL.Path, "/trail/")
	s.mu.Lock()
	if answer.Code == http.StatusOK {
		s.names = append(s.names, name)
	}
	s.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// refuse answers as S3 does.
func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s said %s</Message></Error>", code, secret, r.Header.Get("Authorization"))
	}
}

func (s *bucketServer) put() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

// object returns what an object has, and its content type.
func (s *bucketServer) object(name string) (text, contentType string) {
	s.t.Helper()
	o, err := s.store.GetObject("trail", name, nil)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	defer o.Contents.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(o.Contents); err != nil {
		s.t.Fatal(err)
	}
	return b.String(), o.Metadata["Content-Type"]
}

// records are the lines of all objects but heads, in the order in which they were put.
func (s *bucketServer) records() (lines []string) {
	s.t.Helper()
	for _, name := range s.put() {
		text, _ := s.object(name)
		for line := range strings.Lines(text) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	lines, _ = split(s.t, lines)
	return lines
}

func (s *bucketServer) await(n int) []string {
	s.t.Helper()
	relaytest.Eventually(s.t, "all records are there", func() bool { return len(firsts(s.records())) >= n })
	return s.records()
}
