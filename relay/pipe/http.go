package pipe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/apiclient"
)

const (
	maxReply = 64 << 10 // bytes of an answer that are read
	maxTold  = 300      // bytes of a refusal that are told
)

// HTTPConfig says where and as whom to publish.
type HTTPConfig struct {
	URL   string         // of the relay, "https://relay.example:6001", without a path
	Key   auth.Key       // one of the app's
	Roots *x509.CertPool // authorities of the relay's certificate; nil is those that the system trusts
	// Certificate returns what is shown to a relay that wants a certificate, and may be another
	// with each call; nil means nothing.
	Certificate func() *tls.Certificate
}

// HTTP publishes through Pusher's HTTP API (POST /apps/ID/events), for build
// agents that must not hold Redis credentials. It is safe for concurrent use.
type HTTP struct{ client *apiclient.Client }

// NewHTTP returns a publisher. It connects to nothing yet.
func NewHTTP(c HTTPConfig) (*HTTP, error) {
	client, err := apiclient.New(apiclient.Config{URL: c.URL, Key: c.Key, Roots: c.Roots, Certificate: c.Certificate, Timeout: callLimit})
	switch {
	case err != nil:
		return nil, err
	case c.Key.Key == "" || c.Key.Secret == "":
		return nil, errors.New("publishing by HTTP needs the app's key and secret")
	}
	return &HTTP{client}, nil
}

// Publish sends events in order, several in one request where it can. It does not try
// again. Errors that [ErrRefused], [protocol.ErrLogGone] or [protocol.ErrLogClosed]
// matches are final, others may pass.
func (h *HTTP) Publish(ctx context.Context, appID string, events []protocol.Event) (protocol.Receipt, error) {
	if len(events) == 1 {
		e := events[0]
		return h.post(ctx, "/apps/"+appID+"/events", httpEvent{e.Name, []string{e.Channel}, e.Data, appendOf(e)})
	}
	var all protocol.Receipt
	for group := range slices.Chunk(events, protocol.MaxBatch) {
		var batch httpBatch
		for _, e := range group {
			batch.Batch = append(batch.Batch, batchEvent{e.Name, e.Channel, e.Data, appendOf(e)})
		}
		receipt, err := h.post(ctx, "/apps/"+appID+"/batch_events", batch)
		if err != nil {
			return protocol.Receipt{}, err
		}
		all.Positions = append(all.Positions, receipt.Positions...)
		all.Watched = receipt.Watched
	}
	return all, nil
}

func (h *HTTP) post(ctx context.Context, path string, v any) (protocol.Receipt, error) {
	body, err := encode(v)
	if err != nil {
		return protocol.Receipt{}, err
	}
	reply, err := h.client.Post(ctx, path, []byte(body))
	switch {
	case err == nil:
	case apiclient.Untrusted(err): // it will not do later either
		return protocol.Receipt{}, fmt.Errorf("%w: %w", ErrRefused, err)
	default:
		return protocol.Receipt{}, fmt.Errorf("publishing to %w", err)
	}
	defer func() { _ = reply.Body.Close() }()
	return h.read(reply)
}

// read reads an answer, to its end, so that the connection is used again.
func (h *HTTP) read(reply *http.Response) (protocol.Receipt, error) {
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if reply.StatusCode/100 != 2 {
		return protocol.Receipt{}, h.refusal(reply, text)
	}
	if err != nil {
		return protocol.Receipt{}, fmt.Errorf("publishing to %s: %w", h.client.Base(), err)
	}
	return parseReceipt(text), nil
}

// refusal turns a status into an error.
func (h *HTTP) refusal(reply *http.Response, text []byte) error {
	text = bytes.TrimSpace(text)
	err := fmt.Errorf("%s answered %s: %q", h.client.Base(), reply.Status, text[:min(len(text), maxTold)])
	switch status := reply.StatusCode; {
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return err
	case status == http.StatusConflict && bytes.HasPrefix(text, []byte("log gone:")):
		return fmt.Errorf("%w: %w", protocol.ErrLogGone, err)
	case status == http.StatusConflict && bytes.HasPrefix(text, []byte("log closed:")):
		return fmt.Errorf("%w: %w", protocol.ErrLogClosed, err)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w: wrong app id, key, secret or clock: %w", ErrRefused, err)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: the key is not for this: %w", ErrRefused, err)
	case status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: its limit on an event is lower than ours: %w", ErrRefused, err)
	default:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
}
