package authorize

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"buildrelay/relay/metrics"
	"buildrelay/relay/tlsclient"
)

const (
	// mostAsking is how many questions are asked at a time.
	mostAsking = 64
	// dialTime is how long it may take to connect, for whoever asks next, too.
	dialTime = 5 * time.Second
	// mostSpared is how much of an answer that is not looked at is read, so that its connection
	// serves the next question.
	mostSpared = 4 << 10
)

// asking is what deciders have in common that ask somebody else over HTTP.
type asking struct {
	client  *http.Client
	turns   chan struct{} // as long as there are to be questions at a time
	askers  addresses
	metrics metrics.Authorizations
	state   state
	now     func() time.Time
}

func newAsking(roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) asking {
	return asking{client: newClient(roots), turns: make(chan struct{}, mostAsking), metrics: m, state: state{log: log}, now: time.Now}
}

// newClient follows no redirect: to whoever it leads the client's credentials are not to go.
func newClient(roots func() *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: dialTime}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: tlsclient.New(&http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			DisableCompression: true, MaxResponseHeaderBytes: 32 << 10, MaxIdleConnsPerHost: mostAsking, IdleConnTimeout: time.Minute,
		}, tlsclient.Trust{Roots: roots}),
	}
}

// decide decides by ask, which it calls when it is the question's turn.
func (a *asking) decide(ctx context.Context, q Question, ask func(context.Context, Question) (Answer, error)) (Answer, error) {
	leave, err := a.askers.enter(ctx, q.Address)
	if err != nil {
		return Answer{}, err
	}
	defer leave()
	return a.measured(ctx, q, func(ctx context.Context, q Question) (Answer, error) { return a.inTurn(ctx, q, ask) })
}

// measured decides by ask. How long that took is measured, and that nobody decides is logged.
func (a *asking) measured(ctx context.Context, q Question, ask func(context.Context, Question) (Answer, error)) (Answer, error) {
	begun := time.Now()
	answer, err := ask(ctx, q)
	outcome := outcomeOf(err)
	a.metrics.AuthorizationSeconds.WithLabelValues(outcome).Observe(time.Since(begun).Seconds())
	a.state.tell(err, outcome == outcomeUndecided, a.now())
	return answer, err
}

func (a *asking) inTurn(ctx context.Context, q Question, ask func(context.Context, Question) (Answer, error)) (Answer, error) {
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
		return ask(ctx, q)
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("too many ask at a time: %w", ctx.Err())
	}
}

// send sends a request and returns the body of the answer, of at most so many bytes, where check
// has no error for its status and headers.
func (a *asking) send(r *http.Request, most int64, check func(*http.Response) error) ([]byte, error) {
	response, err := a.client.Do(r)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if err := check(response); err != nil {
		_, _ = io.CopyN(io.Discard, response.Body, mostSpared)
		return nil, err
	}
	return readAnswer(response.Body, most)
}

// readAnswer reads a body of at most so many bytes.
func readAnswer(from io.Reader, most int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, most+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("the answer has more than %d bytes", most)
	}
	return body, nil
}

// withoutURL is the error without the address, whose query may be a secret.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// parseAddress reads the address of whom is asked, which is to be one such as example.
func parseAddress(address, example string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("it must be an address such as " + example)
	}
	if u.User != nil || u.Fragment != "" {
		return nil, errors.New("it must have neither a password nor a fragment")
	}
	return u, nil
}
