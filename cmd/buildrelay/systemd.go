package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// systemd is told how the process is, where it has started that as a service of
// Type=notify or notify-reload. A nil systemd is told nothing.
type systemd struct {
	socket *net.UnixConn
	log    *slog.Logger
	// watchdog is how often it wants a sign of life; 0 means never.
	watchdog time.Duration
}

// newSystemd returns nil where systemd does not ask to be told anything.
func newSystemd(getenv func(string) string, log *slog.Logger) (*systemd, error) {
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil, nil
	}
	socket, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	s := &systemd{socket: socket, log: log}
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return s, nil // another process is watched
	}
	text := getenv("WATCHDOG_USEC")
	if text == "" {
		return s, nil
	}
	limit, err := strconv.ParseInt(text, 10, 64)
	if err != nil || limit <= 0 {
		return nil, errors.Join(fmt.Errorf("WATCHDOG_USEC is %q", text), socket.Close())
	}
	s.watchdog = time.Duration(limit) * time.Microsecond / 2
	return s, nil
}

// tell tells a state. That it cannot be told is no reason to end.
func (s *systemd) tell(state string) {
	if s == nil {
		return
	}
	if _, err := s.socket.Write([]byte(state)); err != nil {
		s.log.Warn("systemd cannot be told", "state", state, "error", err)
	}
}

// tellReloading tells when a reload began, which systemd compares with when it asked.
func (s *systemd) tellReloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
		s.tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
	}
}

// Close lets go of the socket.
func (s *systemd) Close() {
	if s != nil {
		_ = s.socket.Close()
	}
}

// ticks are those of the watchdog; nil where there is none.
func (s *systemd) ticks() (ticks <-chan time.Time, stop func()) {
	if s == nil || s.watchdog == 0 {
		return nil, func() {}
	}
	t := time.NewTicker(s.watchdog)
	return t.C, t.Stop
}

const (
	// readyEvery is how often it is looked whether the node is ready, until it is.
	readyEvery = 100 * time.Millisecond
	// reloadTime is how long a reload may take.
	reloadTime = 10 * time.Second
)

// attend does what the service manager, or who has its place, wants until ctx ends: it is
// told that the node is ready, the first time, and that it lives, and its SIGHUPs are heard.
func (n *node) attend(ctx context.Context) {
	look := time.NewTicker(readyEvery)
	defer look.Stop()
	beats, stop := n.systemd.ticks()
	defer stop()
	started := false
	for {
		select {
		case <-look.C:
			if started = n.ready() == nil; started {
				look.Stop()
				n.systemd.tell("READY=1")
			}
		case <-beats:
			if n.hub.Alive() {
				n.systemd.tell("WATCHDOG=1")
			}
		case <-n.reloads:
			n.systemd.tellReloading()
			n.reload(ctx)
			if started {
				n.systemd.tell("READY=1")
			}
		case <-ctx.Done():
			return
		}
	}
}

// reload looks at once at what may have changed.
func (n *node) reload(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	looked := n.certificates.reload(ctx)
	looked = n.reloadKeys(ctx) || looked // before the apps file, which may need them
	switch {
	case n.appsFile != nil:
		n.log.Info("SIGHUP: looking at the apps file")
		n.appsFile.Reload(ctx)
	case !looked:
		n.log.Info("SIGHUP: there is nothing to reload, since there is no RELAY_APPS_FILE")
	}
}
