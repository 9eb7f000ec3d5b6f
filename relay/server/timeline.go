package server

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Timeline adds the paths on which pusher-js tells how its connections went, where its
// option statsHost names the node (protocol.md 6.9): what it tells is neither read nor
// kept. The number in a path is that of the function in the page that waits for the
// answer; nothing else of the request comes back in it.
func Timeline(mux *http.ServeMux) {
	mux.HandleFunc("GET /timeline/v2/jsonp/{receiver}", called("Pusher.ScriptReceivers[%d](null,{})"))
	mux.HandleFunc("GET /timeline/{receiver}", called("Pusher.JSONP.receive(%d,null,{})")) // before 2.2
	mux.HandleFunc("GET /timeline/v2/xhr/{receiver}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := receiver(r); err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		answerTimeline(w, "application/json", "{}")
	})
}

// called answers by a script that calls the receiver, a number in format.
func called(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number, err := receiver(r)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		answerTimeline(w, "text/javascript; charset=UTF-8", fmt.Sprintf(format, number))
	}
}

func receiver(r *http.Request) (uint64, error) {
	return strconv.ParseUint(r.PathValue("receiver"), 10, 32)
}

func answerTimeline(w http.ResponseWriter, contentType, body string) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, body) // who asked may have gone
}
