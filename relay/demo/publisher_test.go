package demo

import (
	"context"
	"sync"

	"buildrelay/protocol"
)

// publisher keeps what it is given.
type publisher struct {
	mu     sync.Mutex
	err    error // of the calls, if set
	log    bool  // channels have a log, that nobody watches
	events []protocol.Event
}

func (p *publisher) Publish(_ context.Context, _ string, events []protocol.Event) (protocol.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.events = append(p.events, events...)
	}
	receipt := protocol.Receipt{Positions: make([]protocol.Position, len(events))}
	for i := range events {
		if p.log {
			receipt.Positions[i] = protocol.Position{Epoch: "0123456789abcdef", ID: protocol.ID{Offset: uint64(len(p.events))}}
		}
	}
	return receipt, p.err
}

func (p *publisher) setLog() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = true
}

func (p *publisher) setErr(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// on returns the data of what was published on a channel.
func (p *publisher) on(channel string) (data []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Channel == channel {
			data = append(data, e.Data)
		}
	}
	return data
}
