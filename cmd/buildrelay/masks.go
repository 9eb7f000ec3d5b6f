package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
	"buildrelay/relay/broker"
	"buildrelay/relay/mask"
	"buildrelay/relay/masks"
	"buildrelay/relay/metrics"
	"buildrelay/relay/seal"
)

const (
	// tellMasked is how often it is told what has waited.
	tellMasked = 30 * time.Second
	// mostMaskedHits is how much may wait to be recorded and told. What is more is not.
	mostMaskedHits = 1000
	// maskedTopic is the [broker.Topic] by which the readers of other nodes are told.
	maskedTopic = "masked"
)

// masking masks what a node publishes and shows, and tells of it. It implements [broker.Masks].
type masking struct {
	*masks.Masks
	hits chan masks.Hits
	node *node
}

// newMasking makes it. The node's other parts may come later, but before its broker runs.
func (n *node) newMasking(keys *seal.Keys, rules func(appID string) protocol.MaskRules, m *metrics.Metrics, log *slog.Logger) *masking {
	k := &masking{hits: make(chan masks.Hits, mostMaskedHits), node: n}
	k.Masks = masks.New(masks.Config{
		Rules: rules,
		Open: func(appID, channel, sealed string) ([]string, error) {
			return broker.OpenMasks(keys, appID, channel, sealed)
		},
		Told: k.take, Metrics: m.Masking, Log: log,
	})
	return k
}

// Load implements [broker.Masks]. What is kept for readers is not masked by what is new.
func (k *masking) Load(appID string, read func() ([]masks.Stored, error)) error {
	if err := k.Masks.Load(appID, read); err != nil {
		return err
	}
	k.node.hub.RereadOf(appID, "")
	return nil
}

// Hear implements [broker.Masks].
func (k *masking) Hear(s masks.Stored) {
	k.Masks.Hear(s)
	k.node.hub.RereadOf(s.App, s.Channel)
}

// take takes what was masked, to be recorded and told by run.
func (k *masking) take(h masks.Hits) {
	select {
	case k.hits <- h:
	default:
	}
}

// run records and tells what was masked, until ctx ends.
func (k *masking) run(ctx context.Context) {
	due := time.NewTicker(tellMasked)
	defer due.Stop()
	for {
		select {
		case h := <-k.hits:
			k.node.noteMasked(h)
			k.node.tellMasked(ctx, h)
		case <-due.C:
			k.TellDue()
		case <-ctx.Done():
			return
		}
	}
}

// noteMasked records what was masked.
func (n *node) noteMasked(h masks.Hits) {
	if n.audit == nil {
		return
	}
	channel := audit.Clean(h.Channel)
	for kind, count := range h.Count {
		r := n.audit.trail.Own(audit.ActionMaskHit, audit.MaskHit{Channel: channel, Kind: kind.String(), Place: string(h.Place), Count: count})
		r.Target, r.Scope = audit.Entity{ID: channel, Type: "channel", Name: channel}, relay.ScopeOf(h.App)
		n.audit.trail.Note(r)
	}
}

// maskedNotice is what nodes tell each other, so that readers are told.
type maskedNotice struct {
	App     string   `json:"app"`
	Channel string   `json:"channel"`
	Count   int64    `json:"count"`
	Kinds   []string `json:"kinds"`
}

// tellMasked tells readers, where a rule says so: those of all nodes of what this one has
// published, its own of what it was about to show. A cache channel would keep it as its last event.
func (n *node) tellMasked(ctx context.Context, h masks.Hits) {
	if !h.Notice || h.Place == masks.History || protocol.KindOf(h.Channel).Cache() {
		return
	}
	notice := maskedNotice{App: h.App, Channel: h.Channel}
	for kind, count := range h.Count {
		notice.Count += count
		notice.Kinds = append(notice.Kinds, kind.String())
	}
	slices.Sort(notice.Kinds)
	if h.Place == masks.Delivery {
		n.showMasked(notice)
		n.hub.Flush()
		return
	}
	text, _ := json.Marshal(notice)                   // cannot fail: strings and a number
	_ = n.broker.Tell(ctx, maskedTopic, string(text)) // it is told again in a minute, if there is more
}

func (n *node) showMasked(notice maskedNotice) {
	n.hub.Deliver(notice.App, protocol.MaskedEvent(notice.Channel, notice.Count, notice.Kinds))
}

// hearMasked takes in what another node tells. What comes from Redis is not trusted.
func (n *node) hearMasked(text string) {
	var notice maskedNotice
	if json.Unmarshal([]byte(text), &notice) != nil || notice.Count < 1 {
		return
	}
	notice.Kinds = slices.DeleteFunc(notice.Kinds, func(kind string) bool { return !slices.Contains(maskKinds(), kind) })
	if len(notice.Kinds) > 0 && !protocol.KindOf(notice.Channel).Cache() {
		n.showMasked(notice)
	}
}

// maskKinds are the names of all kinds.
func maskKinds() []string {
	names := []string{mask.Value.String()}
	for _, shape := range mask.Shapes() {
		names = append(names, shape.String())
	}
	return names
}
