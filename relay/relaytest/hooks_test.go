package relaytest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// call sends a webhook, and returns the status of the answer and how much of it came; an
// answer that breaks off has the status -1.
func call(t *testing.T, h *Hooks, body string) (status int, size int64) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Relay-Event-Ids", "1-1,1-2")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return -1, 0
	}
	defer response.Body.Close()
	size, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return -1, size
	}
	return response.StatusCode, size
}

func TestHooksAreReadAndAnswered(t *testing.T) {
	t.Parallel()
	h := StartHooks(t, HookStatus(500), HookRedirect(307, "http://127.0.0.1:1/"), HookRaw(""),
		HookRaw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), HookEndless(), HookSlow(time.Millisecond, 204), HookStatus(200))
	var got []int
	for range 8 {
		status, size := call(t, h, "garbage")
		got = append(got, status)
		if endless := len(got) == 5; endless != (size == 1<<20) {
			t.Errorf("answer %d has %d bytes", len(got), size)
		}
	}
	if diff := cmp.Diff([]int{500, 307, -1, -1, 200, 204, 200, 200}, got); diff != "" {
		t.Errorf("answers (- wanted, + got):\n%s", diff)
	}
	call(t, h, `{"time_ms":7,"events":[{"name":"x","channel":"a"},{"name":"member_added","channel":"b","user_id":"u"}]}`)
	event, in := h.Await("member_added", "b")
	want := HookEvent{Name: "member_added", Channel: "b", UserID: "u", ID: "1-2", Members: []string{"channel", "name", "user_id"}}
	if diff := cmp.Diff(want, event); diff != "" || in.TimeMS != 7 || h.ExpectCall(9).Body != in.Body {
		t.Errorf("read %+v in %+v (- wanted, + got):\n%s", event, in, diff)
	}
	if diff := cmp.Diff([]string{"x"}, h.NamesOf("a")); diff != "" {
		t.Errorf("of a (- wanted, + got):\n%s", diff)
	}
}

func TestHooksGoDownAndComeBack(t *testing.T) {
	t.Parallel()
	h := StartHooks(t, HookHang(), HookStatus(200))
	hung := make(chan int)
	// The test waits for it.
	go func() {
		status, _ := call(t, h, "1")
		hung <- status
	}()
	h.ExpectCall(1)
	h.Down()
	if got := <-hung; got != -1 {
		t.Errorf("a call that hung is answered %d", got)
	}
	if got, _ := call(t, h, "2"); got != -1 {
		t.Errorf("a call is answered %d while it is down", got)
	}
	h.Up()
	if got, _ := call(t, h, "3"); got != 200 || len(h.Calls()) != 2 {
		t.Errorf("it is answered %d, calls are %d", got, len(h.Calls()))
	}
}
