package server

import (
	"net/http"
	"net/http/pprof"
	runtime "runtime/pprof"
)

// Profiles adds /debug/pprof/, for 'go tool pprof', and /debug/goroutines, what all goroutines
// do, as text. Both show no secrets but cost CPU time, and are for operators alone.
func Profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/goroutines", func(w http.ResponseWriter, _ *http.Request) {
		const asPanicsDo = 2
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_ = runtime.Lookup("goroutine").WriteTo(w, asPanicsDo) // who asked may have gone
	})
}
