package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/api"
)

const (
	// maxHistory is more than the largest page: 500 entries at the most and about 256 KiB
	// of data, of which JSON may make six times as much.
	maxHistory = 8 << 20
	// replyTime is how long an answer may take, beside what was asked to wait.
	replyTime = 40 * time.Second
)

// logClient reads a channel's log by the relay's HTTP API.
type logClient struct {
	base string // of the relay
	path string // of the channel, decoded
	key  auth.Key
	http *http.Client
}

// errAway matches errors that may pass when the call is made again.
var errAway = errors.New("the relay can't be reached")

func newLogClient(c Config, to target, channel string) (*logClient, error) {
	u, err := url.Parse(to.apiURL)
	switch {
	case to.apiURL == "":
		return nil, errors.New("RELAY_API_URL is not set: it says where the relay is, such as https://relay.example:6001")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("RELAY_API_URL must be http://HOST or https://HOST")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
		return nil, errors.New("RELAY_API_URL must have no path, query or user: requests are signed for /apps/ID")
	}
	if err := c.checkApp(); err != nil {
		return nil, err
	}
	roots, err := certPool(to.caFile)
	if err != nil {
		return nil, fmt.Errorf("reading the relay's authority: %w", err)
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	return &logClient{
		base: u.Scheme + "://" + u.Host,
		path: "/apps/" + c.AppID + "/channels/" + channel,
		key:  auth.Key{Key: c.AppKey, Secret: c.AppSecret},
		http: &http.Client{Transport: transport, Timeout: replyTime},
	}, nil
}

// url is a signed address below the channel's, good for ten minutes.
func (c *logClient) url(below string, query url.Values) string {
	path := c.path + below
	target := url.URL{Path: path, RawQuery: auth.SignRequest(c.key, http.MethodGet, path, query, nil, time.Now())}
	return c.base + target.String()
}

// history asks for a page.
func (c *logClient) history(ctx context.Context, query url.Values) (*api.History, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url("/history", query), nil)
	if err != nil {
		return nil, fmt.Errorf("asking for the log: %w", err)
	}
	reply, err := c.http.Do(request)
	if err != nil {
		return nil, c.failed(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxHistory))
	if err != nil {
		return nil, c.failed(err)
	}
	if err := c.check(reply, text); err != nil {
		return nil, err
	}
	page := new(api.History)
	if err := json.Unmarshal(text, page); err != nil {
		return nil, fmt.Errorf("what %s answered is no page of a log: %w", c.base, err)
	}
	return page, nil
}

// failed is the error of a call that was not answered, without the signature in its
// URL.
func (c *logClient) failed(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("%s is not trusted (--ca-file names an authority): %w", c.base, err)
	}
	return fmt.Errorf("%w: %s: %w", errAway, c.base, err)
}

func (c *logClient) check(reply *http.Response, text []byte) error {
	if reply.StatusCode == http.StatusOK {
		return nil
	}
	err := fmt.Errorf("%s answered %s: %q", c.base, reply.Status, bytes.TrimSpace(text[:min(len(text), 300)]))
	if reply.StatusCode >= 500 || reply.StatusCode == http.StatusTooManyRequests {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	return err
}
