package server_test

import (
	"net/http"
	"testing"

	"buildrelay/relay/server"
)

func TestTheTimelineIsAnsweredAndForgotten(t *testing.T) {
	mux := http.NewServeMux()
	server.Timeline(mux)
	url := serve(t, mux)
	const none = "404 404 page not found\n"
	for path, want := range map[string]string{
		"/timeline/v2/jsonp/1?session=MQ%3D%3D&key=a2V5": "200 Pusher.ScriptReceivers[1](null,{})",
		"/timeline/v2/jsonp/4294967295":                  "200 Pusher.ScriptReceivers[4294967295](null,{})",
		"/timeline/v2/jsonp/007":                         "200 Pusher.ScriptReceivers[7](null,{})",
		"/timeline/v2/xhr/2?session=MQ%3D%3D":            "200 {}",
		"/timeline/3?receiver=YWxlcnQ%3D":                "200 Pusher.JSONP.receive(3,null,{})",
		"/timeline/v2/jsonp/alert(1)":                    none,
		"/timeline/v2/jsonp/1%5D%3Balert(1)%2F%2F":       none,
		"/timeline/v2/jsonp/-1":                          none,
		"/timeline/v2/jsonp/+1":                          none,
		"/timeline/v2/jsonp/1_0":                         none,
		"/timeline/v2/jsonp/%D9%A1":                      none,
		"/timeline/v2/jsonp/4294967296":                  none,
		"/timeline/v2/jsonp/":                            none,
		"/timeline/v2/xhr/x":                             none,
		"/timeline/v2":                                   none,
		"/timeline/x":                                    none,
		"/timeline":                                      none,
	} {
		if got := get(t, url+path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestAnyPageMayReadTheTimelinesAnswer(t *testing.T) {
	mux := http.NewServeMux()
	server.Timeline(mux)
	for path, want := range map[string][2]string{
		"/timeline/v2/xhr/2":   {"application/json", "*"},
		"/timeline/v2/jsonp/2": {"text/javascript; charset=UTF-8", ""},
		"/timeline/2":          {"text/javascript; charset=UTF-8", ""},
	} {
		response, err := http.Get(serve(t, mux) + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		header := response.Header
		if got := [2]string{header.Get("Content-Type"), header.Get("Access-Control-Allow-Origin")}; got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be sniffed or kept: %v", path, header)
		}
	}
}
