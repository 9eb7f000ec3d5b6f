package main

import (
	"maps"
	"slices"
	"sync"
)

// parts are goroutines that have names, so that one which does not end can be told.
type parts struct {
	waits sync.WaitGroup

	mu   sync.Mutex
	live map[string]bool
}

func newParts() *parts { return &parts{live: make(map[string]bool)} }

// run starts a part. Whoever has made the parts waits for it.
func (p *parts) run(name string, do func()) {
	p.set(name, true)
	p.waits.Go(func() {
		defer p.set(name, false)
		do()
	})
}

func (p *parts) set(name string, live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if live {
		p.live[name] = true
	} else {
		delete(p.live, name)
	}
}

// wait waits until all have ended.
func (p *parts) wait() { p.waits.Wait() }

// left are the names of those that have not ended.
func (p *parts) left() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.live))
}
