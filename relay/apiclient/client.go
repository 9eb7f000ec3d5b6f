// Package apiclient calls a relay's HTTP API, with Pusher's request signature: it is
// what pipe and tail have in common.
package apiclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/tlsclient"
)

const (
	idleLimit    = 30 * time.Second // for a connection that nothing is sent on
	maxRedirects = 10
)

// Config says which relay to call, and as whom.
type Config struct {
	URL   string         // of the relay, "https://relay.example:6001", without a path
	Key   auth.Key       // one of the app's
	Roots *x509.CertPool // authorities of the relay's certificate; nil is those that the system trusts
	// Certificate returns what is shown to a relay that wants a certificate, and may be another
	// with each call; nil means nothing.
	Certificate func() *tls.Certificate
	Timeout     time.Duration // of one call, its answer included
}

// Client is safe for concurrent use.
type Client struct {
	base string
	key  auth.Key
	http *http.Client
}

// New returns a client. It connects to nothing yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, errors.New("the relay's URL can't be parsed") // err would repeat it, and secrets in it
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("the relay's URL must be http://HOST or https://HOST")
	case strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.User != nil:
		return nil, errors.New("the relay's URL must have no path, query or user: requests are signed for /apps/ID")
	}
	secure := &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	base := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, IdleConnTimeout: idleLimit}
	transport := tlsclient.New(base, tlsclient.Trust{Roots: func() *x509.CertPool { return c.Roots }, Certificate: c.Certificate})
	client := &http.Client{Transport: transport, CheckRedirect: redirect, Timeout: c.Timeout}
	return &Client{base: u.Scheme + "://" + u.Host, key: c.Key, http: client}, nil
}

// redirect follows none from a signed POST, which would become an unsigned GET.
func redirect(_ *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) >= maxRedirects:
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	default:
		return nil
	}
}

// Base is the relay's URL, for messages.
func (c *Client) Base() string { return c.base }

// GetURL is a signed address, good for ten minutes.
func (c *Client) GetURL(path string, query url.Values) string {
	return c.sign(http.MethodGet, path, query, nil)
}

func (c *Client) sign(method, path string, query url.Values, body []byte) string {
	target := url.URL{Path: path, RawQuery: auth.SignRequest(c.key, method, path, query, body, time.Now())}
	return c.base + target.String()
}

// Get asks for a path. The caller closes the answer's body.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	return c.do(ctx, http.MethodGet, path, query, nil)
}

// Post sends JSON to a path. The caller closes the answer's body.
func (c *Client) Post(ctx context.Context, path string, body []byte) (*http.Response, error) {
	return c.do(ctx, http.MethodPost, path, nil, body)
}

// do makes a call. Its error has no URL in it, and so no signature.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.sign(method, path, query, body), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("calling the relay: %w", withoutURL(err))
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	reply, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.base, withoutURL(err))
	}
	return reply, nil
}

// Untrusted says that a call failed since the relay's certificate will not do, now or
// later.
func Untrusted(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted)
}

func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// CloseIdle closes the connections that are not in use.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }
