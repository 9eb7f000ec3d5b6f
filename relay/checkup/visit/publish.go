package visit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"buildrelay/auth"
)

// Publish publishes an event by the HTTP API. It returns the positions of the event in the logs of
// the channels; none where that is no log channel.
func Publish(ctx context.Context, r Relay, app string, key auth.Key, e Event) (positions []string, err error) {
	body, err := json.Marshal(map[string]any{"name": e.Event, "channels": []string{e.Channel}, "data": e.Data})
	if err != nil {
		return nil, err
	}
	path := "/apps/" + app + "/events"
	target := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: path}
	target.RawQuery = auth.SignRequest(key, http.MethodPost, path, nil, body, time.Now())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := r.client().Do(request)
	if err != nil {
		return nil, withoutURL(err) // which has the signature in it
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostBytes))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer was %s, %.200q", response.Status, strings.TrimSpace(string(text)))
	}
	var answer struct {
		Relay struct {
			Positions []string `json:"positions"`
		} `json:"relay"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("the answer is not the relay's: %w", err)
	}
	return answer.Relay.Positions, nil
}
