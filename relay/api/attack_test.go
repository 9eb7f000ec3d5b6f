package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/server"
)

// served serves a backend as a node does, and returns its address.
func served(t *testing.T, b *backend) string {
	t.Helper()
	routes := server.Routes{WebSocket: http.NotFoundHandler(), API: b, Ready: func() error { return nil }}
	s := server.New(routes.Handler(), slog.New(slog.DiscardHandler))
	address, err := s.Listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(ctx) })
	t.Cleanup(func() {
		stop()
		serving.Wait()
	})
	return address.String()
}

// attack sends bytes and reads the status of the first answer that is not 100.
func attack(t *testing.T, address, raw string) (status int, header http.Header, text string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, raw) // the server may have heard enough
	reader, method := bufio.NewReader(conn), strings.Fields(raw)[0]
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return 0, nil, err.Error()
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusContinue {
			return response.StatusCode, response.Header, string(body)
		}
	}
}

// Rows 56 to 60 of docs/ATTACKS.md, byte for byte. Each
// is answered, or cut off (0), and nothing but what was signed is published.
func TestRawAttacks(t *testing.T) {
	t.Parallel()
	post := func(path string) string {
		return "POST " + sign(http.MethodPost, path, event, nil) + " HTTP/1.1\r\nHost: relay\r\n"
	}
	head, length := post("/apps/3/events"), fmt.Sprintf("Content-Length: %d\r\n", len(event))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(event), event)
	get := func(method string) string {
		return method + " " + signed(method, "/apps/3/channels", "", "") + " HTTP/1.1\r\nHost: relay\r\n\r\n"
	}
	at := func(path string) string { return post(path) + length + "\r\n" + event }
	unsigned := "POST /apps/3/events?auth_key=x HTTP/1.1\r\nHost: relay\r\n"
	cases := map[string]struct {
		raw     string
		allowed []int
	}{
		"as it should be": {head + length + "\r\n" + event, []int{200}},
		// 56; what is no path of ours is not found, and never redirected.
		"two slashes":         {at("//apps/3/events"), []int{404}},
		"two slashes within":  {at("/apps/3//events"), []int{404}},
		"a dot":               {at("/apps/3/./events"), []int{404}},
		"two dots":            {at("/apps/4/../3/events"), []int{404}},
		"escaped dots":        {at("/apps/4/%2e%2e/3/events"), []int{404}},
		"an escaped slash":    {at("/apps/3%2Fevents"), []int{404}},
		"an escaped letter":   {at("/apps/3/%65vents"), []int{404}},
		"a slash at the end":  {at("/apps/3/events/"), []int{404}},
		"another case":        {at("/apps/3/Events"), []int{404}},
		"a path parameter":    {at("/apps/3/events;x"), []int{404}},
		"one of the app":      {at("/apps/3;x/events"), []int{401}},
		"a prefix":            {at("/relay/apps/3/events"), []int{404}},
		"an absolute URI":     {strings.Replace(head, "POST /", "POST http://relay/", 1) + length + "\r\n" + event, []int{200}},
		"one of another host": {strings.Replace(head, "POST /", "POST http://evil/", 1) + length + "\r\n" + event, []int{200}},
		"a broken escape":     {"POST /apps/3/events%zz HTTP/1.1\r\nHost: relay\r\n\r\n", []int{400}},
		// 57
		"HEAD":                {"HEAD /apps/3/channels HTTP/1.1\r\nHost: relay\r\n\r\n", []int{405}},
		"TRACE":               {get("TRACE"), []int{405}},
		"OPTIONS":             {get("OPTIONS"), []int{405}},
		"a method's override": {"GET /apps/3/events HTTP/1.1\r\nHost: relay\r\nX-HTTP-Method-Override: POST\r\n\r\n", []int{405}},
		"a lower-case method": {strings.Replace(head, "POST", "post", 1) + length + "\r\n" + event, []int{405}},
		"CONNECT":             {"CONNECT relay:80 HTTP/1.1\r\nHost: relay\r\n\r\n", []int{400, 404}},
		// A body that is signed does a GET no harm: SDKs sign that of no bytes (protocol.md 4.2),
		// where row 57 has 405.
		"GET with a body": {"GET " + sign(http.MethodGet, "/apps/3/channels", "x", nil) + " HTTP/1.1\r\nHost: relay\r\nContent-Length: 1\r\n\r\nx", []int{200}},
		"an unsigned one": {"GET " + sign(http.MethodGet, "/apps/3/channels", "", nil) + " HTTP/1.1\r\nHost: relay\r\nContent-Length: 1\r\n\r\nx", []int{401}},
		// 58; net/http takes the chunks where a length is given, too, and what stands behind
		// them for another call, which needs a signature of its own.
		"a length and chunks":    {head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, []int{200, 400}},
		"two lengths":            {head + length + "Content-Length: 1\r\n\r\n" + event, []int{400}},
		"two encodings":          {head + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunked, []int{400, 501}},
		"chunks said twice":      {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, []int{400, 501}},
		"no size of a chunk":     {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", []int{400}},
		"a huge chunk extension": {head + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 1<<20) + "\r\n", []int{400}},
		"a folded header":        {head + length + "X: a\r\n b\r\n\r\n" + event, []int{200, 400}},
		"a NUL in a header":      {head + length + "X: a\x00b\r\n\r\n" + event, []int{400}},
		"a space before a colon": {head + strings.Replace(length, ":", " :", 1) + "\r\n" + event, []int{400}},
		"no host":                {strings.Replace(head, "Host: relay\r\n", "", 1) + length + "\r\n" + event, []int{400}},
		// 59
		"an expectation without a body": {head + "Expect: 100-continue\r\n\r\n", []int{401}},
		"an unknown expectation":        {head + length + "Expect: tea\r\n\r\n" + event, []int{417}},
		"100,000 headers":               {head + strings.Repeat("X: x\r\n", 100_000) + "\r\n", []int{431, 0}},
		"a header of 10 MB":             {head + "X: " + strings.Repeat("x", 10<<20) + "\r\n\r\n", []int{431, 0}},
		"a path of 1 MB":                {"POST /apps/" + strings.Repeat("3", 1<<20) + "/events HTTP/1.1\r\nHost: relay\r\n\r\n", []int{431, 414, 0}},
		// 60; who has no signature is answered before a body is waited for.
		"no signature and no body": {unsigned + "Content-Length: 1000000\r\n\r\n", []int{401}},
		"the same, expecting":      {unsigned + "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n", []int{401}},
		"a body over the limit":    {head + "Content-Length: 1048577\r\n\r\n" + strings.Repeat("x", 1<<20+1), []int{413}},
		"chunks over the limit":    {head + "Transfer-Encoding: chunked\r\n\r\n100001\r\n" + strings.Repeat("x", 1<<20+1) + "\r\n", []int{413}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			status, header, text := attack(t, served(t, b), c.raw)
			ok := false
			for _, allowed := range c.allowed {
				ok = ok || status == allowed
			}
			if !ok || header.Get("Location") != "" || header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%d %s %.200s, want %v", status, header, text, c.allowed)
			}
			published := 0
			if status == http.StatusOK && strings.HasPrefix(c.raw, "POST") {
				published = 1
			}
			if len(b.published) != published {
				t.Errorf("published %v", b.published)
			}
		})
	}
}

// Who is refused before the body is read is told so at once: this server would wait for
// the body without end.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	patient := httptest.NewServer(newBackend(t))
	defer patient.Close()
	good := sign(http.MethodPost, "/apps/3/events", event, nil)
	for name, c := range map[string]struct {
		target, header string
		status         int
	}{
		"a wrong signature": {strings.Replace(good, "auth_signature=", "auth_signature=0", 1), "Content-Length: 5", 401},
		"chunks":            {"/apps/3/events", "Transfer-Encoding: chunked", 401},
		"compressed":        {good, "Content-Encoding: gzip\r\nContent-Length: 5", 415},
		"no path":           {"/apps/3/nothing", "Content-Length: 5", 404},
	} {
		status, _, text := attack(t, patient.Listener.Addr().String(), "POST "+c.target+" HTTP/1.1\r\nHost: relay\r\n"+c.header+"\r\n\r\n")
		if status != c.status {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.status)
		}
	}
}

// A body that does not come is not waited for beyond the time that the server has.
func TestBodiesThatStallAreCutOff(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	stalled := httptest.NewUnstartedServer(b)
	stalled.Config.ReadTimeout = 200 * time.Millisecond
	stalled.Start()
	defer stalled.Close()
	head := "POST " + sign(http.MethodPost, "/apps/3/events", event, nil) + " HTTP/1.1\r\nHost: relay\r\n"
	for name, rest := range map[string]string{
		"a length": fmt.Sprintf("Content-Length: %d\r\n\r\n{", len(event)),
		"chunks":   "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
	} {
		status, _, text := attack(t, stalled.Listener.Addr().String(), head+rest)
		if status != http.StatusBadRequest || !strings.Contains(text, "could not be read") || len(b.published) > 0 {
			t.Errorf("%s: %d %s, published %v", name, status, text, b.published)
		}
	}
}
