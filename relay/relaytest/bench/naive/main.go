// Command naive is what the relay is measured against: the pattern of gorilla's
// chat example, fed by Redis. One hub goroutine knows all clients, every client
// has a queue of its own, a goroutine that reads and one that writes a message at
// a time. It speaks no protocol: it forwards what is published on naive:NAME to
// who connected to /app/NAME.
package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"
)

const (
	prefix    = "naive:"
	queueSize = 256
	pingEvery = 54 * time.Second
	pongWait  = 60 * time.Second
	writeWait = 10 * time.Second
)

type client struct {
	channel string
	conn    *websocket.Conn
	queue   chan []byte
}

type hub struct {
	join, leave chan *client
	clients     map[string]map[*client]bool
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	redisURL := flag.String("redis", "", "URL of Redis")
	cert := flag.String("cert", "", "PEM file; empty serves without TLS")
	key := flag.String("key", "", "PEM file")
	flag.Parse()
	options, err := redis.ParseURL(*redisURL)
	if err == nil {
		err = run(*listen, *cert, *key, options)
	}
	slog.New(slog.NewTextHandler(os.Stderr, nil)).Error("ended", "error", err)
	os.Exit(1)
}

func run(listen, cert, key string, options *redis.Options) error {
	ctx := context.Background()
	pubsub := redis.NewClient(options).PSubscribe(ctx, prefix+"*")
	if _, err := pubsub.Receive(ctx); err != nil {
		return err
	}
	h := &hub{join: make(chan *client), leave: make(chan *client), clients: make(map[string]map[*client]bool)}
	go h.run(pubsub.Channel()) // nobody waits: the process ends by a signal
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	http.HandleFunc("GET /app/{channel}", h.serve)
	server := &http.Server{Addr: listen, ReadHeaderTimeout: writeWait}
	if cert != "" {
		return server.ListenAndServeTLS(cert, key)
	}
	return server.ListenAndServe()
}

func (h *hub) run(messages <-chan *redis.Message) {
	for {
		select {
		case c := <-h.join:
			if h.clients[c.channel] == nil {
				h.clients[c.channel] = make(map[*client]bool)
			}
			h.clients[c.channel][c] = true
			c.queue <- []byte("welcome")
		case c := <-h.leave:
			h.remove(c)
		case m := <-messages:
			payload := []byte(m.Payload)
			for c := range h.clients[strings.TrimPrefix(m.Channel, prefix)] {
				select {
				case c.queue <- payload:
				default:
					h.remove(c)
				}
			}
		}
	}
}

func (h *hub) remove(c *client) {
	if h.clients[c.channel][c] {
		delete(h.clients[c.channel], c)
		close(c.queue)
	}
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &client{channel: r.PathValue("channel"), conn: conn, queue: make(chan []byte, queueSize)}
	h.join <- c
	go c.write() // nobody waits: it ends when the hub closes the queue or the client is gone
	go h.read(c) // nobody waits: it ends when the client is gone
}

func (h *hub) read(c *client) {
	defer func() {
		h.leave <- c
		c.conn.Close()
	}()
	_ = c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			return
		}
	}
}

func (c *client) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	defer c.conn.Close()
	for {
		kind, message, open := websocket.TextMessage, []byte(nil), true
		select {
		case message, open = <-c.queue:
		case <-ping.C:
			kind = websocket.PingMessage
		}
		_ = c.conn.SetWriteDeadline(time.Now().Add(writeWait))
		if !open || c.conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}
