package outlet

import (
	"context"
	"crypto/x509"
	"net"
	"time"

	"buildrelay/relay/audit"
)

// Hurry makes all take a moment, but for the hour between heads. What a turn holds and how
// long it waits for more stays as it is where gather is 0.
func (o *Outlets) Hurry(gather time.Duration) {
	o.times.first, o.times.longest = time.Millisecond, 20*time.Millisecond
	if gather > 0 {
		o.times.bucket, o.times.stream = gather, gather
	}
}

// Answer is how long targets have.
func (o *Outlets) Answer(d time.Duration) { o.times.answer, o.times.put = d, d }

// Flush is how long the end may take.
func (o *Outlets) Flush(d time.Duration) { o.times.flush = d }

// Trust makes targets' certificates those of roots.
func (o *Outlets) Trust(roots *x509.CertPool) { o.roots = roots }

// Cursor names the target's cursor.
func (t Target) Cursor() string { return t.cursor() }

// Message writes a record as syslog has it.
func Message(s audit.Stored) (string, error) { return recordMessage(s) }

// Roots are what Trust was called with.
func (o *Outlets) Roots() *x509.CertPool { return o.roots }

// Acknowledged waits until all bytes of a connection are.
func Acknowledged(ctx context.Context, conn *net.TCPConn) error { return acknowledged(ctx, conn) }
