// Package server listens: it knows addresses, TLS, which path goes where, and
// whether the node is healthy.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/relay/transport"
)

// The bounds for one request. A WebSocket leaves them behind with its upgrade.
const (
	headerTime = 5 * time.Second // also for the TLS handshake
	readTime   = 20 * time.Second
	writeTime  = 60 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 12 << 10 // net/http adds 4 KiB: cookies travel along
)

// Server serves one handler on some addresses.
type Server struct {
	// Descriptors are what connections take up, if they are to leave some; they are set
	// before Listen.
	Descriptors *transport.Descriptors

	log       *slog.Logger
	http      *http.Server
	listeners []net.Listener
}

// New returns a server that listens nowhere yet.
func New(handler http.Handler, log *slog.Logger) *Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // a WebSocket needs HTTP/1.1
	return &Server{log: log, http: &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// Listen opens a TCP address, such as ":6001", with TLS unless config is nil, and
// returns the address with the port that it got.
func (s *Server) Listen(ctx context.Context, address string, config *tls.Config) (net.Addr, error) {
	ln, err := transport.Listen(ctx, address)
	if err != nil {
		return nil, err
	}
	s.Add(ln, config)
	return ln.Addr(), nil
}

// Add is Listen for what is open already. It is the server's from then on.
func (s *Server) Add(ln *transport.Listener, config *tls.Config) {
	ln.Descriptors, ln.Log = s.Descriptors, s.log
	s.log.Info("listening", "address", ln.Addr().String(), "tls", config != nil)
	if config == nil {
		s.listeners = append(s.listeners, ln)
	} else {
		s.listeners = append(s.listeners, tls.NewListener(ln, transport.InTurn(config)))
	}
}

// Serve serves until ctx ends. Then it closes the listeners and gives requests
// under way a moment; WebSockets are not its own any more and stay.
func (s *Server) Serve(ctx context.Context) error {
	serving, ctx := errgroup.WithContext(ctx)
	for _, ln := range s.listeners {
		serving.Go(func() error { return s.http.Serve(ln) })
	}
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), headerTime)
	defer cancel()
	if err := s.http.Shutdown(last); err != nil {
		_ = s.http.Close()
	}
	if err := serving.Wait(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
