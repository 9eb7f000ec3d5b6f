package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"

	"buildrelay/auth"
	"buildrelay/relay/broker"
)

const (
	// rollCallTopic is where it is asked over Redis which nodes are there, and where they answer.
	rollCallTopic = "nodes"
	// mostRollCalls is how many may wait for an answer; others are asked again by who asks.
	mostRollCalls = 4
	// mostRollText is how long what is said there may be, in bytes.
	mostRollText = 2 << 10
)

// rollText is what is said: one of Ask and Answer is there, and is a text that the asker made up.
type rollText struct {
	Ask    string `json:"ask,omitempty"`
	Answer string `json:"answer,omitempty"`
	// Of the node that answers. Start is another each time it starts, and URL is RELAY_NODE_URL, signed
	// with the secret of the nodes.
	Node      string `json:"node,omitempty"`
	Start     string `json:"start,omitempty"`
	Version   string `json:"version,omitempty"`
	URL       string `json:"url,omitempty"`
	Signature string `json:"signature,omitempty"`
	// Forwarder is as in [checkup.Node].
	Forwarder string `json:"forwarder,omitempty"`
}

// parseRollText reads what somebody said; false where it is nothing of ours.
func parseRollText(text string) (said rollText, ok bool) {
	return said, len(text) <= mostRollText && json.Unmarshal([]byte(text), &said) == nil
}

// who tells one that answers from others.
func (t rollText) who() [2]string { return [2]string{t.Node, t.Start} }

// signedFor is what a node signs of its URL, for one who asked. It is no name of a session.
func signedFor(ask string) string { return "roll call " + ask }

// rollCall answers for a node.
type rollCall struct {
	config *Config
	broker *broker.Broker
	asked  chan string
	start  string // as in rollText
	// forwarder is an address that sent X-Forwarded-For; nil where none did that is none of the
	// proxies, and in a private network.
	forwarder atomic.Pointer[netip.Addr]
}

func newRollCall(c *Config) *rollCall {
	return &rollCall{config: c, asked: make(chan string, mostRollCalls), start: rand.Text()}
}

// topic is how the node hears who asks.
func (r *rollCall) topic() broker.Topic {
	return broker.Topic{Name: rollCallTopic, Hear: func(text string) {
		said, ok := parseRollText(text)
		if !ok || said.Ask == "" {
			return
		}
		select {
		case r.asked <- said.Ask:
		default: // enough wait
		}
	}}
}

// run answers until ctx ends.
func (r *rollCall) run(ctx context.Context) {
	for {
		select {
		case ask := <-r.asked:
			text, err := json.Marshal(r.answer(ask))
			if err == nil {
				_ = r.broker.Tell(ctx, rollCallTopic, string(text)) // who asked sees that it does not come
			}
		case <-ctx.Done():
			return
		}
	}
}

func (r *rollCall) answer(ask string) rollText {
	host, _ := os.Hostname() // one without a name is told by its others
	said := rollText{Answer: ask, Node: cmp.Or(r.config.AuditNode, host), Start: r.start, Version: version(), URL: r.config.NodeURL}
	if said.URL != "" {
		said.Signature = auth.NewCluster(r.config.ClusterSecret).SignOwner(signedFor(ask), said.URL)
	}
	if from := r.forwarder.Load(); from != nil {
		said.Forwarder = from.String()
	}
	return said
}

// watchForwarders notes who sends X-Forwarded-For and is not believed. Anybody may send it: so only
// those in private networks are noted, where a proxy may have been forgotten.
func (r *rollCall) watchForwarders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("X-Forwarded-For") != "" && r.forwarder.Load() == nil {
			r.noteForwarder(req.RemoteAddr)
		}
		next.ServeHTTP(w, req)
	})
}

func (r *rollCall) noteForwarder(address string) {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return
	}
	from := peer.Addr().Unmap().WithZone("")
	for _, network := range r.config.TrustedProxies {
		if network.Contains(from) {
			return
		}
	}
	if from.IsPrivate() || from.IsLoopback() {
		r.forwarder.Store(&from)
	}
}
