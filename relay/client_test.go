package relay_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"buildrelay/auth"
	"buildrelay/relay"
)

// client is a scripted client and its transport.
type client struct {
	name  string
	world *world
	key   auth.Key
	// decision is that of the auth endpoint which signs for it; nil while a backend does.
	decision *auth.Decision
	conn     *relay.Conn
	inbox    chan []byte // what the client sends

	mu      sync.Mutex
	stalled bool // its socket takes nothing
	held    []byte
	gone    bool
}

// read is the connection's reader.
func (c *client) read() {
	for message := range c.inbox {
		c.conn.Receive(message)
	}
	c.conn.Closed()
}

// leave closes the client's side.
func (c *client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		c.gone = true
		close(c.inbox)
	}
}

func (c *client) stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = true
}

// resume takes what the socket held back.
func (c *client) resume() {
	c.mu.Lock()
	held := c.held
	c.stalled, c.held = false, nil
	c.mu.Unlock()
	c.log(held)
	if held != nil {
		c.conn.Sent()
	}
}

// Send implements relay.Transport.
func (c *client) Send(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled {
		c.held = append([]byte{}, p...)
		return false
	}
	c.log(p)
	return true
}

// Drop is answered as a client answers: it closes.
func (c *client) Drop() {
	c.world.events.add("%s: dropped", c.name)
	c.world.running.Go(c.leave)
}

// Cut implements relay.Transport.
func (c *client) Cut() {
	c.world.events.add("%s: cut", c.name)
	c.world.running.Go(c.leave)
}

// log writes each frame of one write to the journal; "+" marks the frames that came
// in the same write as the one before.
func (c *client) log(p []byte) {
	joint := ""
	for len(p) > 0 {
		var line string
		line, p = c.describe(p)
		c.world.events.add("%s:%s %s", c.name, joint, line)
		if !c.world.loose {
			joint = "+"
		}
	}
}

// describe takes the first frame off p.
func (c *client) describe(p []byte) (line string, rest []byte) {
	payload, rest := cutFrame(p)
	switch opcode := p[0] & 0x0f; opcode {
	case 0x1:
		line = strings.ReplaceAll(string(payload), c.conn.ID(), "<"+c.name+">")
		if len(line) > 300 {
			line = fmt.Sprintf("%s… %d bytes", line[:24], len(line))
		}
	case 0x8:
		line = fmt.Sprintf("close %d %s", binary.BigEndian.Uint16(payload), payload[2:])
	case 0x9:
		line = "ping"
	default:
		line = fmt.Sprintf("opcode %d", opcode)
	}
	return line, rest
}

// cutFrame returns the payload of the first frame of p, and the rest (RFC 6455,
// 5.2).
func cutFrame(p []byte) (payload, rest []byte) {
	size, head := int(p[1]), 2
	switch size {
	case 126:
		size, head = int(binary.BigEndian.Uint16(p[2:])), 4
	case 127:
		size, head = int(binary.BigEndian.Uint64(p[2:])), 10
	}
	return p[head : head+size], p[head+size:]
}
