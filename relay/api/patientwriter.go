package api

import (
	"fmt"
	"net/http"
	"time"
)

// stallTime is how long a client may take nothing of a text that is sent to it.
const stallTime = 30 * time.Second

// patientWriter goes on for as long as the client takes something: the server's time
// limit for a whole answer does not hold.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func newPatientWriter(w http.ResponseWriter) patientWriter {
	return patientWriter{w, http.NewResponseController(w)}
}

// Write writes p within stallTime.
func (w patientWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(stallTime)) // a recorder has none
	return w.ResponseWriter.Write(p)
}

// writeAll writes p in pieces that a slow client takes within stallTime each.
func (w patientWriter) writeAll(p []byte, flush bool) error {
	const piece = 32 << 10
	for len(p) > 0 {
		n, err := w.Write(p[:min(piece, len(p))])
		if err != nil {
			return fmt.Errorf("writing a log: %w", err)
		}
		p = p[n:]
	}
	if !flush {
		return nil
	}
	if err := w.control.Flush(); err != nil {
		return fmt.Errorf("writing a log: %w", err)
	}
	return nil
}
