package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"

	"buildrelay/auth"
)

// client is a WebSocket client that subscribes and signs in, on any channels and as
// anybody. What it is told goes to a tally.
type client struct {
	conn  net.Conn
	in    *bufio.Reader
	id    string // the connection's
	tally *tally
}

// connect returns a client that was greeted.
func connect(ctx context.Context, srv *server, t *tally) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := srv.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c := &client{conn: conn, in: bufio.NewReader(conn), tally: t}
	if err := c.greet(srv); err != nil {
		conn.Close()
		return nil, fmt.Errorf("being greeted: %w", err)
	}
	return c, nil
}

func (c *client) greet(srv *server) error {
	if err := srv.upgrade(c.conn, c.in, ""); err != nil {
		return err
	}
	_, payload, err := nextFrame(c.in)
	if err != nil {
		return err
	}
	frame, err := c.in.Peek(payload)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(frame, []byte(`\"socket_id\":\"`))
	id, _, found := bytes.Cut(rest, []byte(`\"`))
	if !found {
		return fmt.Errorf("greeted with %s", frame)
	}
	c.id = string(id)
	_, err = c.in.Discard(payload)
	return err
}

// read takes what the server sends, until the connection ends.
func (c *client) read() error {
	for {
		first, payload, err := nextFrame(c.in)
		if err != nil {
			return err
		}
		head, err := c.in.Peek(min(payload, c.in.Size()))
		if err != nil {
			return err
		}
		if first == textFrame {
			if err := c.tally.take(head); err != nil {
				return err
			}
		}
		if _, err := c.in.Discard(payload); err != nil {
			return err
		}
	}
}

// key signs for the app that is served.
func key() auth.Key { return auth.Key{Key: appKey, Secret: appSecret} }

// subscribe asks for a channel; who enters one with members needs data about itself.
func (c *client) subscribe(channel, channelData string) error {
	data := map[string]string{"channel": channel}
	var signed *string
	if channelData != "" {
		data["channel_data"], signed = channelData, &channelData
	}
	if signed != nil || strings.HasPrefix(channel, "private-") {
		data["auth"] = auth.SignChannel(key(), c.id, channel, signed)
	}
	return c.send("pusher:subscribe", data)
}

func (c *client) unsubscribe(channel string) error {
	return c.send("pusher:unsubscribe", map[string]string{"channel": channel})
}

func (c *client) signIn(userData string) error {
	return c.send("pusher:signin", map[string]string{"auth": auth.SignUser(key(), c.id, userData), "user_data": userData})
}

// ping asks for a pong, which comes after what was asked before has been done.
func (c *client) ping() error { return c.send("pusher:ping", map[string]string{}) }

func (c *client) send(event string, data map[string]string) error {
	text, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		return fmt.Errorf("asking for %s: %w", event, err)
	}
	if _, err := c.conn.Write(clientText(string(text))); err != nil {
		return fmt.Errorf("asking for %s: %w", event, err)
	}
	return nil
}
