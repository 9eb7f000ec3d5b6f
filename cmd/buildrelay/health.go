package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// runHealth is 'buildrelay health', for health checks in images without a shell.
func runHealth(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("buildrelay health", flag.ContinueOnError)
	if err := parse(flags, args); err != nil {
		return err
	}
	c, _, err := loadWithSoketi(os.Environ())
	if err != nil {
		return err
	}
	if c.MetricsListen == "" {
		return errors.New("RELAY_METRICS_LISTEN is empty: there is nobody to ask")
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	scheme := "http"
	if c.MetricsTLS {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+c.MetricsListen+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("RELAY_METRICS_LISTEN: %w", err)
	}
	// The node is on this machine, and no proxy that the environment names knows it.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: c.healthTLS()}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the node: %w", err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", strings.TrimSpace(string(text)))
	}
	return nil
}

// healthTLS is how the node is asked that serves TLS for its public names, by one of this
// machine: nothing secret is said, and who could answer in its place could do so without TLS.
func (c *Config) healthTLS() *tls.Config {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, ServerName: "127.0.0.1"} // no name, as an address is none
	if hosts := c.acmeHosts(); len(hosts) > 0 {
		config.ServerName = hosts[0] // without a name there is no certificate
	}
	return config
}
