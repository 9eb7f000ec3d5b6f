package server_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"buildrelay/relay/server"
)

func TestTrafficIsForReadyNodesWithMemoryToSpare(t *testing.T) {
	memory := server.ProcessMemory(false)
	if memory.Usage().Total == 0 {
		t.Skip("this machine tells no bound of its memory")
	}
	for _, test := range []struct {
		name    string
		ready   error
		memory  *server.Memory
		percent int
		want    string
	}{
		{"ready", nil, memory, 100, `200 {"memory":{"percentUsage":`},
		{"not ready", errors.New("stopping"), memory, 100, "503 stopping"},
		{"low on memory", nil, server.MemoryOf(1), 85, "503 low on memory"},
		{"memory does not matter", nil, server.MemoryOf(1), 0, "200 {"},
		{"no bound", nil, nil, 1, `200 {"memory":{"percentUsage":0,`},
	} {
		mux := http.NewServeMux()
		server.Traffic(mux, func() error { return test.ready }, test.memory, test.percent)
		if got := get(t, serve(t, mux)+"/accept-traffic"); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %q, want %q…", test.name, got, test.want)
		}
	}
}

func TestUsageAddsUp(t *testing.T) {
	mux := http.NewServeMux()
	const total = 64 << 30
	server.Usage(mux, server.MemoryOf(total))
	status, body, _ := strings.Cut(get(t, serve(t, mux)+"/usage"), " ")
	var got struct{ Memory server.MemoryUsage }
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != "200" {
		t.Fatalf("%s %q: %v", status, body, err)
	}
	m := got.Memory
	if m.Used <= 0 || m.Total != total || m.Free+m.Used != m.Total || m.Percent != 100*float64(m.Used)/total {
		t.Errorf("got %+v", m)
	}
}
