package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// returner is a reader of one channel that comes back as pusher-js does: at once where it is
// told so, else after a second.
type returner struct {
	herd    *herd
	channel string
	tls     *tls.Config // resumes sessions, as browsers do; nil without TLS

	mu   sync.Mutex
	conn net.Conn  // nil while there is none
	away time.Time // since when it reads nothing; zero while it does
}

const (
	// returnPause is what pusher-js waits.
	returnPause = time.Second
	closeFrame  = 0x88
)

// live connects again and again until ctx ends.
func (r *returner) live(ctx context.Context) {
	for ctx.Err() == nil {
		code, err := r.visit(ctx)
		r.gone()
		if code == 4100 {
			r.herd.told.Add(1)
		} else if err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) { // it was cut
			r.herd.fail(err)
		}
		pause := returnPause
		if code >= 4200 && code < 4300 {
			pause = 0
		}
		if wait(ctx, pause) != nil {
			return
		}
	}
}

// visit connects and reads to the end, which has a code if the server has said why.
func (r *returner) visit(ctx context.Context) (code int, err error) {
	srv := *r.herd.target.Load()
	srv.tls = r.tls
	dialing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r.herd.attempts.Add(1)
	conn, err := srv.dial(dialing)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r.has(conn)
	const small = 512 // for there are many
	in := bufio.NewReaderSize(conn, small)
	if err := srv.upgrade(conn, in, r.channel); err != nil {
		return 0, err
	}
	for {
		if code, err = r.frame(conn, in); code != 0 || err != nil {
			return code, err
		}
	}
}

// frame takes the next frame, and returns the code of one that closes.
func (r *returner) frame(conn net.Conn, in *bufio.Reader) (code int, err error) {
	first, payload, err := nextFrame(in)
	if err != nil {
		return 0, err
	}
	head, err := in.Peek(min(payload, in.Size()))
	if err != nil {
		return 0, err
	}
	if first == closeFrame && len(head) >= 2 {
		return int(binary.BigEndian.Uint16(head)), nil
	}
	switch string(eventIn(head)) {
	case "pusher:connection_established":
		_, err = conn.Write(clientText(`{"event":"pusher:subscribe","data":{"channel":"` + r.channel + `"}}`))
	case "pusher_internal:subscription_succeeded":
		r.arrived()
	case "pusher:error":
	default:
		err = fmt.Errorf("unexpected: %s", head)
	}
	_, failed := in.Discard(payload)
	return 0, errors.Join(err, failed)
}

func (r *returner) has(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = conn
}

// arrived notes that it reads.
func (r *returner) arrived() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.herd.arrived(r.away)
	r.away = time.Time{}
}

// gone notes that it reads no more.
func (r *returner) gone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = nil
	if r.away.IsZero() {
		r.away = time.Now()
		r.herd.inside.Add(-1)
	}
}

// cut resets the connection, as a balancer does that lets go of it.
func (r *returner) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return
	}
	tcp := r.conn
	if over, ok := tcp.(*tls.Conn); ok {
		tcp = over.NetConn()
	}
	if tcp, ok := tcp.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only when it is closed already
		tcp.Close()
	}
}
