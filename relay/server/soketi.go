package server

import (
	"encoding/json"
	"net/http"
)

// Traffic adds /accept-traffic, by which soketi's charts ask whether a node should get
// clients: it is 503 while the node is not ready, and while the process needs more than
// percent of its memory; 0 percent means that memory does not matter.
func Traffic(mux *http.ServeMux, ready func() error, memory *Memory, percent int) {
	mux.HandleFunc("GET /accept-traffic", func(w http.ResponseWriter, _ *http.Request) {
		switch err := ready(); {
		case err != nil:
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case memory.Low(percent):
			http.Error(w, "low on memory", http.StatusServiceUnavailable)
		default:
			usage := memory.Usage()
			writeJSON(w, map[string]any{"memory": map[string]any{
				"usedSize": usage.Used, "totalSize": usage.Total, "percentUsage": usage.Percent,
			}})
		}
	})
}

// Usage adds /usage, soketi's account of the process's memory.
func Usage(mux *http.ServeMux, memory *Memory) {
	mux.HandleFunc("GET /usage", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"memory": memory.Usage()})
	})
}

// writeJSON answers by a value of our own, which always can be encoded.
func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // who asked may have gone
}
