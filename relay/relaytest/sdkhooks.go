package relaytest

import (
	"net/http"
	"strings"
)

// Validated is what an SDK makes of a webhook.
type Validated struct {
	Valid  bool        `json:"valid"`
	Events []HookEvent `json:"events"`
	TimeMS int64       `json:"time"`
}

// Webhook has the SDK validate and read a webhook.
func (s *SDK) Webhook(header http.Header, body string) Validated {
	s.t.Helper()
	lower := make(map[string]string) // as Node's servers have them
	for name := range header {
		lower[strings.ToLower(name)] = header.Get(name)
	}
	var validated Validated
	s.askFor(map[string]any{"do": "webhook", "headers": lower, "body": body}, &validated)
	return validated
}
