package faults

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// httpAppender is a backend that publishes through the HTTP API, one batch a call.
type httpAppender struct {
	bases  []string // of relays; it takes another one each time
	client *http.Client
	calls  int
}

func newHTTPAppender(bases []string, timeout time.Duration, config *tls.Config) *httpAppender {
	transport := &http.Transport{TLSClientConfig: config, IdleConnTimeout: 5 * time.Second}
	return &httpAppender{bases: bases, client: &http.Client{Transport: transport, Timeout: timeout}}
}

// batchEvent is an element of the body of POST batch_events.
type batchEvent struct {
	Name    string `json:"name"`
	Channel string `json:"channel"`
	Data    string `json:"data"`
	ID      string `json:"id"`
	Begin   bool   `json:"begin"`
}

func (a *httpAppender) append(ctx context.Context, lines []numbered, o options) ([]appended, error) {
	var body struct {
		Batch []batchEvent `json:"batch"`
	}
	for _, line := range lines {
		body.Batch = append(body.Batch, batchEvent{lineEvent, line.line.Channel, line.line.String(), line.id, o.Begin})
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding a batch: %w", err)
	}
	reply, err := a.post(ctx, "/apps/"+relaytest.AppID+"/batch_events", text)
	if err != nil {
		return nil, err
	}
	return parsePositions(reply, len(lines))
}

func (a *httpAppender) most() int { return 4 }

func (a *httpAppender) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	base := a.bases[a.calls%len(a.bases)]
	a.calls++
	query := auth.SignRequest(auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}, http.MethodPost, path, nil, body, time.Now())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path+"?"+query, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("publishing: %w", err)
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case response.StatusCode/100 == 4:
		return nil, fmt.Errorf("%w: %s: %.200s", errRefused, response.Status, reply)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %.200s", response.Status, reply)
	}
	return reply, nil
}

// parsePositions reads {"relay":{"positions":["…"]}}.
func parsePositions(reply []byte, n int) ([]appended, error) {
	var body struct {
		Relay struct {
			Positions []string `json:"positions"`
		} `json:"relay"`
	}
	if err := json.Unmarshal(reply, &body); err != nil || len(body.Relay.Positions) != n {
		return nil, fmt.Errorf("%w: the answer has no %d positions: %.200s", errRefused, n, reply)
	}
	all := make([]appended, n)
	for i, text := range body.Relay.Positions {
		at, err := protocol.ParsePosition(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errRefused, err)
		}
		all[i].at = at
	}
	return all, nil
}
