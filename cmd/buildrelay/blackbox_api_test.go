package main_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// The rows of the API's errors, as the real binary answers them; relay/api tests
// all the rest.
func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		const good = `{"name":"e","channel":"news","data":"d"}`
		reader := w.Connect()
		reader.Subscribe("news")
		settled := w.settled(t)
		many := strings.TrimSuffix(strings.Repeat(`"c",`, 101), ",")
		large := `{"name":"e","channel":"news","data":"` + strings.Repeat("x", 10241) + `"}`
		cases := map[string]struct {
			path, body string
			status     int
		}{
			"101 channels":         {"/events", `{"name":"e","channels":[` + many + `],"data":"d"}`, 400},
			"a batch of 11":        {"/batch_events", `{"batch":[` + strings.Repeat(good+",", 10) + good + `]}`, 400},
			"data of 10,241 bytes": {"/events", large, 413},
			"the same in a batch":  {"/batch_events", `{"batch":[` + good + "," + large + `]}`, 413},
			"no name":              {"/events", `{"channel":"news","data":"d"}`, 400},
			"a socket id abc":      {"/events", `{"name":"e","channel":"news","data":"d","socket_id":"abc"}`, 400},
			"a reserved name":      {"/events", `{"name":"pusher:x","channel":"news","data":"d"}`, 400},
			"a line end in a name": {"/events", `{"name":"e","channel":"news\r\nPUBLISH x","data":"d"}`, 400},
			"no JSON":              {"/events", `not json`, 400},
			"no UTF-8":             {"/events", "{\"name\":\"e\",\"channel\":\"news\",\"data\":\"\xff\"}", 400},
			"2 MiB":                {"/events", strings.Repeat(" ", 2<<20) + good, 413},
		}
		for name, c := range cases {
			w.run(t, name, func(t *testing.T, w world) {
				route := strings.TrimPrefix(c.path, "/")
				counted := w.counting(fmt.Sprintf(`buildrelay_api_requests_total{route="%s",status="%d"}`, route, c.status))
				if status, reply := w.Request(http.MethodPost, c.path, c.body); status != c.status {
					t.Errorf("%d %.300s, want %d", status, reply, c.status)
				}
				counted(t, 1)
			})
		}
		query := sign("POST", "/apps/3/events", good)
		unsigned := w.counting(`buildrelay_api_requests_total{route="events",status="401"}`)
		for name, request := range map[string]struct{ query, body string }{
			"no signature":    {"auth_key=" + relaytest.Key, good},
			"a flipped digit": {strings.NewReplacer("auth_signature=0", "auth_signature=1", "auth_signature=", "auth_signature=0").Replace(query), good},
			"another body":    {query, strings.Replace(good, "news", "newz", 1)},
			"a parameter too": {query + "&x=1", good},
		} {
			if status, reply := w.Do(http.MethodPost, "/apps/3/events?"+request.query, request.body); status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", name, status, reply)
			}
		}
		unsigned(t, 4)
		// A request that is sent twice is taken twice, as Pusher does.
		for range 2 {
			if status, reply := w.Do(http.MethodPost, "/apps/3/events?"+query, good); status != http.StatusOK || reply != "{}\n" {
				t.Errorf("%d %s", status, reply)
			}
			reader.Expect("e")
		}
		reader.ExpectOpen()
		settled()
	})
}

// The path is signed and routed as it was sent, and nothing is redirected.
func TestAPIPathsAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	const body = `{"name":"e","channel":"a","data":"d"}`
	for path, want := range map[string]int{
		"/apps/3/events": 200, "http://relay/apps/3/events": 200, "/apps/%33/events": 401,
		"//apps/3/events": 404, "/apps//3/events": 404, "/apps/3//events": 404, "/apps/3/./events": 404,
		"/apps/4/../3/events": 404, "/apps/3/events/": 404, "/apps/3/events/.": 404, "/apps/3%2fevents": 404,
		"/apps/3/%65vents": 404, "/apps/3/events;x": 404, "/APPS/3/events": 404, "/apps/3/Events": 404, "/apps/": 404,
		"/apps": 404, "/apps/3": 404, "/apps/3/": 404, "/apps/%2e%2e/events": 401, "/prefix/apps/3/events": 404,
		"/apps/3/users//terminate_connections": 400, "/apps/3/users/1/": 404, "/users/1/terminate_connections": 200, "/users/1": 404,
	} {
		w.run(t, path, func(t *testing.T, w world) {
			signs := strings.TrimPrefix(path, "http://relay")
			conn := dialTCP(t, w)
			status, header, reply := answer(t, conn, fmt.Sprintf(
				"POST %s?%s HTTP/1.1\r\nHost: relay\r\nOrigin: null\r\nContent-Length: %d\r\n\r\n%s",
				path, sign("POST", signs, body), len(body), body))
			if status != want {
				t.Errorf("%d %s %s, want %d", status, header.Get("Location"), reply, want)
			}
			if header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("lets every page call")
			}
			conn.Close()
		})
	}
	settled()
}

func TestBodiesThatAreBombsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	memory := w.Metric("process_resident_memory_bytes")
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	if _, err := zip.Write(make([]byte, 16<<20)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	head := "POST /apps/3/events?" + sign("POST", "/apps/3/events", bomb.String()) + " HTTP/1.1\r\nHost: relay\r\n"
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "x"} {
		w.run(t, encoding, func(t *testing.T, w world) {
			conn := dialTCP(t, w)
			status, _, reply := answer(t, conn, fmt.Sprintf("%sContent-Encoding: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
				head, encoding, bomb.Len(), bomb.String()))
			if status != http.StatusUnsupportedMediaType {
				t.Errorf("%d %s", status, reply)
			}
			conn.Close()
		})
	}
	w.run(t, "chunks without end", func(t *testing.T, w world) {
		conn := dialTCP(t, w)
		write(t, conn, head+"Transfer-Encoding: chunked\r\n\r\n")
		chunk := "10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n"
		for i := 0; ; i++ {
			if i > 1000 {
				t.Fatal("the relay has taken 64 MiB")
			}
			if _, err := io.WriteString(conn, chunk); err != nil {
				break
			}
		}
	})
	if grown := w.Metric("process_resident_memory_bytes") - memory; grown > 64<<20 {
		t.Errorf("the relay grew by %.0f MiB", grown/(1<<20))
	}
	settled()
	w.publish("e", "{}", "news")
}
