package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/demo"
	"buildrelay/relay/metrics"
	"buildrelay/relay/server"
	"buildrelay/web"
)

// projectPause is the rest between two real builds: they use the processor.
const projectPause = 10 * time.Second

// runBackend is 'buildrelay demo --backend': the CI backend and its page alone,
// beside a relay that runs elsewhere.
func runBackend(ctx context.Context, f demoFlags, c Config, log *slog.Logger) error {
	if _, err := c.signingApp(); err != nil {
		return err
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	publisher, app, err := newPublisher(c, target{apiURL: os.Getenv("RELAY_API_URL")}, log)
	if err != nil {
		return err
	}
	d, err := newBackend(demo.Config{
		AppID: app.ID, Key: app.SigningKey(), Publisher: publisher,
		First: f.first(), WSPort: f.relayPort, WSSPort: f.relayPort, Log: log,
	}, f.command)
	if err != nil {
		return err
	}
	l, err := c.listener()
	if err != nil {
		return err
	}
	warnOf(plain([]listener{l}), log)
	mux := http.NewServeMux()
	server.Health(mux, func() error { return nil })
	mux.Handle("/", strictPage(d.Handler(), c.HSTS))
	s := server.New(mux, log)
	if _, err := s.Listen(ctx, l.address, l.tls); err != nil {
		return err
	}
	looked := newCertificates(metrics.New(prometheus.NewRegistry()), log) // nobody reads the metrics
	looked.addListeners([]listener{l})
	return runBoth(ctx, d, looked.while(s.Serve))
}

// strictPage is a page, and what it asks for, with the headers that tell browsers to be strict.
func strictPage(page http.Handler, hsts time.Duration) http.Handler {
	return server.StrictTransport(server.StrictHeaders(page), hsts)
}

// newBackend completes c by the page and by what is built: the command, this
// project, or recordings of it.
func newBackend(c demo.Config, command []string) (*demo.Demo, error) {
	page, err := web.Handler()
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	c.Page = page
	if err := choose(&c, command); err != nil {
		return nil, err
	}
	return demo.New(c)
}

func choose(c *demo.Config, command []string) error {
	environ := withoutSecrets(os.Environ())
	if len(command) > 0 {
		c.Builds, c.Slots = demo.Repeat(command, environ), 1 // two could get in each other's way
		return nil
	}
	if project, ok := demo.Project(".", environ); ok {
		c.Builds, c.Pause = project, projectPause
		return nil
	}
	recorded, err := demo.Recorded()
	c.Builds = recorded
	return err
}
