package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"buildrelay/relay/server"
)

// name is a handler that tells its name and the path that it got.
func name(n string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, n+" "+r.URL.EscapedPath()+" "+r.PathValue("key"))
	})
}

func TestPathsGoWhereTheyBelong(t *testing.T) {
	notYet := func() error { return errors.New("not yet") }
	routes := server.Routes{WebSocket: name("socket"), API: name("api"), Ready: notYet}
	url := serve(t, routes.Handler())
	for path, want := range map[string]string{
		"/app/KEY":                           "200 socket /app/KEY KEY",
		"/app/a%2Fb":                         "200 socket /app/a%2Fb a/b",
		"/apps/3/events":                     "200 api /apps/3/events ",
		"/apps/3/channels/a%2Cb":             "200 api /apps/3/channels/a%2Cb ",
		"/apps//3/../events":                 "200 api /apps//3/../events ",
		"/users/a%2Fb/terminate_connections": "200 api /users/a%2Fb/terminate_connections ",
		"/users/../terminate_connections":    "200 api /users/../terminate_connections ",
		"/users/a":                           "404 404 page not found\n",
		"/healthz":                           "200 ok\n",
		"/readyz":                            "503 not yet\n",
		"/ready":                             "503 not yet\n",
		"/accept-traffic":                    "503 not yet\n",
		"/timeline/v2/xhr/2":                 "200 {}",
		"/":                                  "200 ok\n",
		"/more":                              "404 404 page not found\n",
		"/app":                               "404 404 page not found\n",
		"/app/KEY/more":                      "404 404 page not found\n",
	} {
		if got := get(t, url+path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestOtherPathsCanBeServed(t *testing.T) {
	routes := server.Routes{
		WebSocket: name("socket"), API: name("api"), Ready: func() error { return nil }, Other: name("page"),
	}
	url := serve(t, routes.Handler())
	for path, want := range map[string]string{"/": "200 page / ", "/builds/7": "200 page /builds/7 ", "/readyz": "200 ok\n"} {
		if got := get(t, url+path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestServerWithoutListenersEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.New(name("any"), slog.New(slog.DiscardHandler)).Serve(ctx); err != nil {
		t.Error(err)
	}
}

func TestListenNamesTheAddressThatIsTaken(t *testing.T) {
	s := server.New(name("any"), slog.New(slog.DiscardHandler))
	address, err := s.Listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := s.Listen(ctx, address.String(), nil); err == nil {
		t.Error("two listeners have the same address")
	}
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Error(err)
	}
}

// serve serves a handler until the test ends, and returns its URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	return "http://" + serveTLS(t, handler, nil)
}

// get returns the status and the body.
func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status[:3] + " " + string(body)
}
