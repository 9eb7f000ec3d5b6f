package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
	"buildrelay/relay/pipe"
	"buildrelay/relay/redisconn"
)

// target says which way a backend publishes.
type target struct {
	apiURL string // of the relay's HTTP API; empty publishes through Redis
	caFile string // PEM file with the authority of the relay's certificate; empty is the system's
}

// roots are the authorities of the relay's certificate, nil for the system's.
func (t target) roots() (*x509.CertPool, error) {
	roots, err := certPool(t.caFile)
	if err != nil {
		return nil, fmt.Errorf("reading the relay's authority: %w", err)
	}
	return roots, nil
}

// newPublisher returns a backend's way to the relay, and for which app it publishes. It
// connects to nothing yet.
func newPublisher(c Config, to target, log *slog.Logger) (pipe.Publisher, auth.App, error) {
	all, app, err := c.backendApps()
	if err != nil {
		return nil, app, err
	}
	var publisher pipe.Publisher
	switch {
	case to.apiURL != "":
		publisher, err = newHTTPPublisher(c, app.SigningKey(), to)
	case c.RedisURL != "":
		var redis *redisconn.Servers
		if err = c.checkSealing([]auth.App{app}); err != nil {
			return nil, app, err
		}
		if redis, err = redisServers(c); err == nil {
			publisher = newBroker(c, redis, all, metrics.New(prometheus.NewRegistry()), log)
		}
	default:
		err = errors.New("neither RELAY_API_URL nor RELAY_REDIS_URL is set: one must say where to publish, such as https://relay.example:6001 or redis://127.0.0.1:6379")
	}
	return publisher, app, err
}

func newHTTPPublisher(c Config, key auth.Key, to target) (pipe.Publisher, error) {
	roots, err := to.roots()
	if err != nil {
		return nil, err
	}
	certificate, err := c.apiCertificate()
	if err != nil {
		return nil, err
	}
	publisher, err := pipe.NewHTTP(pipe.HTTPConfig{URL: to.apiURL, Key: key, Roots: roots, Certificate: certificate})
	if err != nil {
		return nil, fmt.Errorf("RELAY_API_URL: %w", err)
	}
	return publisher, nil
}
