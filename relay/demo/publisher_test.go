package demo

import (
	"context"
	"sync"

	"buildrelay/protocol"
)

// publisher keeps what it is given.
type publisher struct {
	mu     sync.Mutex
	err    error                // of the calls, if set
	check  func(protocol.Event) // sees every event, if set
	events []protocol.Event
}

func (p *publisher) Publish(_ context.Context, _ string, events []protocol.Event) (protocol.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		if p.check != nil {
			p.check(e)
		}
	}
	if p.err == nil {
		p.events = append(p.events, events...)
	}
	return protocol.Receipt{}, p.err
}

func (p *publisher) setErr(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *publisher) setCheck(check func(protocol.Event)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.check = check
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
