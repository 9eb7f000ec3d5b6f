package outlet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"buildrelay/relay/audit"
)

// mostDatagram is what a datagram holds.
const mostDatagram = 65507

// datagrams bring messages to a syslog server by UDP, one in each (RFC 5426).
type datagrams struct {
	// Static.
	host  string
	times times

	// Owned by the loop.
	conn net.Conn // nil between turns: what the name means may change
}

func (d *datagrams) send(ctx context.Context, records []audit.Stored) error {
	if err := d.connect(ctx); err != nil {
		return err
	}
	for _, record := range records {
		message, err := recordMessage(record)
		if err != nil {
			return err
		}
		if err := d.write(message); err != nil {
			return err
		}
	}
	return nil
}

func (d *datagrams) head(ctx context.Context, head audit.Head) error {
	message, err := headMessage(head)
	if err != nil {
		return err
	}
	if err := d.connect(ctx); err != nil {
		return err
	}
	return d.write(message)
}

// connect finds out where messages go; nobody hears of it there.
func (d *datagrams) connect(ctx context.Context) error {
	if d.conn != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.times.answer)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", d.host)
	if err != nil {
		return fmt.Errorf("finding a syslog server: %w", err)
	}
	d.conn = conn
	return nil
}

// write cuts a message that no datagram holds: otherwise it would hold up the others for ever.
func (d *datagrams) write(message string) error {
	_ = d.conn.SetWriteDeadline(time.Now().Add(d.times.answer))
	if _, err := d.conn.Write([]byte(message[:min(len(message), mostDatagram)])); err != nil {
		return fmt.Errorf("sending to a syslog server: %w", err)
	}
	return nil
}

// settle waits for a moment: a machine on which nobody listens may say so.
func (d *datagrams) settle(context.Context) error {
	if d.conn == nil {
		return nil
	}
	defer d.drop()
	_ = d.conn.SetReadDeadline(time.Now().Add(d.times.datagram))
	var answer [1]byte
	if _, err := d.conn.Read(answer[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("waiting for a syslog server: %w", err)
	}
	return nil
}

func (d *datagrams) drop() {
	if d.conn != nil {
		_ = d.conn.Close()
		d.conn = nil
	}
}
