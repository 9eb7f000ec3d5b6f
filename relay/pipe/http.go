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
	"net/url"
	"slices"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

const (
	maxReply  = 64 << 10         // bytes of an answer that are read
	maxTold   = 300              // bytes of a refusal that are told
	idleLimit = 30 * time.Second // for a connection that nothing is sent on
)

// HTTPConfig says where and as whom to publish.
type HTTPConfig struct {
	URL   string         // of the relay, "https://relay.example:6001", without a path
	Key   auth.Key       // one of the app's
	Roots *x509.CertPool // authorities of the relay's certificate; nil is those that the system trusts
}

// HTTP publishes through Pusher's HTTP API (POST /apps/ID/events), for build
// agents that must not hold Redis credentials. It is safe for concurrent use.
type HTTP struct {
	base   string
	key    auth.Key
	client *http.Client
}

// NewHTTP returns a publisher. It connects to nothing yet.
func NewHTTP(c HTTPConfig) (*HTTP, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, errors.New("the relay's URL can't be parsed") // err would repeat it, and secrets in it
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("the relay's URL must be http://HOST or https://HOST")
	case strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.User != nil:
		return nil, errors.New("the relay's URL must have no path, query or user: requests are signed for /apps/ID")
	case c.Key.Key == "" || c.Key.Secret == "":
		return nil, errors.New("publishing by HTTP needs the app's key and secret")
	}
	return &HTTP{base: u.Scheme + "://" + u.Host, key: c.Key, client: newClient(c.Roots)}, nil
}

// newClient follows no redirect, which would turn a signed POST into an unsigned
// GET.
func newClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			IdleConnTimeout: idleLimit,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       callLimit,
	}
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
	target := url.URL{Path: path, RawQuery: auth.SignRequest(h.key, http.MethodPost, path, nil, []byte(body), time.Now())}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.base+target.String(), strings.NewReader(body))
	if err != nil {
		return protocol.Receipt{}, fmt.Errorf("publishing by HTTP: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	reply, err := h.client.Do(req)
	if err != nil {
		return protocol.Receipt{}, h.failed(withoutURL(err))
	}
	defer func() { _ = reply.Body.Close() }()
	return h.read(reply)
}

// failed tells a certificate that will not do, now or later, from a relay that is
// away.
func (h *HTTP) failed(err error) error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("%w: %s: %w", ErrRefused, h.base, err)
	}
	return fmt.Errorf("publishing to %s: %w", h.base, err)
}

// withoutURL strips the request's URL, and the signature in it, from err.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// read reads an answer, to its end, so that the connection is used again.
func (h *HTTP) read(reply *http.Response) (protocol.Receipt, error) {
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if reply.StatusCode/100 != 2 {
		return protocol.Receipt{}, h.refusal(reply, text)
	}
	if err != nil {
		return protocol.Receipt{}, fmt.Errorf("publishing to %s: %w", h.base, err)
	}
	return parseReceipt(text), nil
}

// refusal turns a status into an error.
func (h *HTTP) refusal(reply *http.Response, text []byte) error {
	text = bytes.TrimSpace(text)
	err := fmt.Errorf("%s answered %s: %q", h.base, reply.Status, text[:min(len(text), maxTold)])
	switch status := reply.StatusCode; {
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return err
	case status == http.StatusConflict && bytes.HasPrefix(text, []byte("log gone:")):
		return fmt.Errorf("%w: %w", protocol.ErrLogGone, err)
	case status == http.StatusConflict && bytes.HasPrefix(text, []byte("log closed:")):
		return fmt.Errorf("%w: %w", protocol.ErrLogClosed, err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w: wrong app id, key, secret or clock: %w", ErrRefused, err)
	case status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: its limit on an event is lower than ours: %w", ErrRefused, err)
	default:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
}
