package masks

import (
	"strings"
	"sync"

	"buildrelay/protocol"
)

const (
	// maxOpen is how many bytes of output are remembered for a channel: a private key is not
	// longer.
	maxOpen = 20 << 10
	// memoryOpen is how many bytes are remembered for all channels, with what it takes to
	// remember them.
	memoryOpen = 8 << 20
	openSize   = 300
)

// opened is the end of what this node published to channels, where it may be the beginning of
// a hit.
type opened struct {
	mu sync.Mutex
	by *recent[protocol.ChannelName, string]
}

func newOpened() *opened { return &opened{by: newRecent[protocol.ChannelName, string](memoryOpen)} }

// of returns that of a channel.
func (o *opened) of(name protocol.ChannelName) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text, _ := o.by.get(name)
	return text
}

// set remembers that of a channel. What is too long is remembered from behind.
func (o *opened) set(name protocol.ChannelName, text string) {
	text = strings.Clone(text[max(0, len(text)-maxOpen):]) // not the whole event
	o.mu.Lock()
	defer o.mu.Unlock()
	if text == "" {
		o.by.drop(name)
		return
	}
	o.by.put(name, text, openSize+len(text))
}
