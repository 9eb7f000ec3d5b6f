//go:build !linux

package outlet

import (
	"context"
	"net"
)

// acknowledged cannot be told here: bytes that were on their way at the very moment at which a
// server ended the connection on its own may be lost.
func acknowledged(context.Context, *net.TCPConn) error { return nil }
