package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"time"

	"buildrelay/relay/tlsclient"
)

// requestTime is how long one request to the ACME server may take.
const requestTime = 30 * time.Second

// httpClient makes requests that end with life: the library goes on without a context of ours.
func httpClient(life context.Context, roots func() *x509.CertPool) *http.Client {
	base := tlsclient.New(&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: requestTime,
		DisableKeepAlives:     true, // months may lie between two
	}, tlsclient.Trust{Roots: roots})
	return &http.Client{Timeout: requestTime, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithCancel(r.Context())
		stop := context.AfterFunc(life, cancel)
		end := func() { stop(); cancel() }
		response, err := base.RoundTrip(r.WithContext(ctx)) //nolint:contextcheck // it ends with life, too
		if err != nil {
			end()
			return nil, err
		}
		response.Body = endingBody{response.Body, end}
		return response, nil
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (do roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return do(r) }

// endingBody calls end when it is closed.
type endingBody struct {
	io.ReadCloser
	end func()
}

// Close implements [io.Closer].
func (b endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
