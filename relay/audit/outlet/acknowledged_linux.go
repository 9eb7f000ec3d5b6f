package outlet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// acknowledged waits until the other machine has acknowledged all bytes of a connection that
// both sides ended. It is an error if it resets the connection instead: then some came too
// late to be read.
func acknowledged(ctx context.Context, conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("looking at a connection: %w", err)
	}
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		var left int
		var failed error
		err := raw.Control(func(fd uintptr) { left, failed = unacknowledged(int(fd)) })
		if err := errors.Join(err, failed); err != nil || left == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
}

func unacknowledged(socket int) (left int, err error) {
	code, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return 0, fmt.Errorf("reading a connection's state: %w", err)
	}
	if code != 0 {
		return 0, fmt.Errorf("a connection's state: %w", unix.Errno(code))
	}
	left, err = unix.IoctlGetInt(socket, unix.SIOCOUTQ)
	if err != nil {
		return 0, fmt.Errorf("reading what a connection has yet to bring: %w", err)
	}
	return left, nil
}
