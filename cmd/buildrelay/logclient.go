package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"buildrelay/relay/api"
	"buildrelay/relay/apiclient"
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
	*apiclient.Client
	path string // of the channel, decoded
}

// errAway matches errors that may pass when the call is made again.
var errAway = errors.New("the relay can't be reached")

func newLogClient(c Config, to target, channel string) (*logClient, error) {
	if to.apiURL == "" {
		return nil, errors.New("RELAY_API_URL is not set: it says where the relay is, such as https://relay.example:6001")
	}
	app, err := c.signingApp()
	if err != nil {
		return nil, err
	}
	roots, err := to.roots()
	if err != nil {
		return nil, err
	}
	certificate, err := c.apiCertificate()
	if err != nil {
		return nil, err
	}
	client, err := apiclient.New(apiclient.Config{
		URL: to.apiURL, Key: app.SigningKey(), Roots: roots, Certificate: certificate, Timeout: replyTime,
	})
	if err != nil {
		return nil, fmt.Errorf("RELAY_API_URL: %w", err)
	}
	return &logClient{client, "/apps/" + app.ID + "/channels/" + channel}, nil
}

// history asks for a page.
func (c *logClient) history(ctx context.Context, query url.Values) (*api.History, error) {
	reply, err := c.Get(ctx, c.path+"/history", query)
	if err != nil {
		return nil, failed(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxHistory))
	if err != nil {
		return nil, failed(fmt.Errorf("%s: %w", c.Base(), err))
	}
	if err := c.check(reply, text); err != nil {
		return nil, err
	}
	page := new(api.History)
	if err := json.Unmarshal(text, page); err != nil {
		return nil, fmt.Errorf("what %s answered is no page of a log: %w", c.Base(), err)
	}
	return page, nil
}

// failed is the error of a call that was not answered.
func failed(err error) error {
	if apiclient.Untrusted(err) {
		return fmt.Errorf("not trusted (--ca-file names an authority): %w", err)
	}
	return fmt.Errorf("%w: %w", errAway, err)
}

func (c *logClient) check(reply *http.Response, text []byte) error {
	if reply.StatusCode == http.StatusOK {
		return nil
	}
	err := fmt.Errorf("%s answered %s: %q", c.Base(), reply.Status, bytes.TrimSpace(text[:min(len(text), 300)]))
	if reply.StatusCode >= 500 || reply.StatusCode == http.StatusTooManyRequests {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	return err
}
