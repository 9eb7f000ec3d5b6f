package relay

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

// countingLog counts its reads, which find one entry.
type countingLog struct{ reads int }

func (l *countingLog) ReadLog(context.Context, string, string, protocol.Start) (protocol.Page, error) {
	l.reads++
	at := protocol.Position{Epoch: "0000000000000001", ID: protocol.ID{Offset: 1}}
	e := protocol.Event{Name: "e", Channel: "log", Link: &protocol.Link{At: at}}
	return protocol.Page{From: e.Link.Before(), Top: at, End: at, Entries: []protocol.Event{e}}, nil
}

func (l *countingLog) LogTops(context.Context, []protocol.ChannelName) ([]protocol.LogTop, error) {
	return nil, nil
}

// Clients that came and went while Redis was away are not read for before those who stay.
func TestNothingIsReadForWhoHasLeft(t *testing.T) {
	log := &countingLog{}
	p := newPages(log, metrics.New(prometheus.NewRegistry()))
	ch := &channel{}
	for n := range 3 {
		s := &subscription{channel: ch}
		p.ask(s, protocol.Start{Kind: protocol.StartCount, N: int64(n)})
		s.left.Store(true)
	}
	for r := p.take(); r != nil; r = p.take() {
		p.serve(t.Context(), r)
	}
	if log.reads > 0 || len(p.open) > 0 {
		t.Errorf("%d reads, %d requests left", log.reads, len(p.open))
	}
}

func TestAPageThatNobodyReadsIsDropped(t *testing.T) {
	p := newPages(&countingLog{}, metrics.New(prometheus.NewRegistry()))
	ch := &channel{}
	r := &pageRequest{key: pageKey{channel: ch, start: protocol.Start{Kind: protocol.StartFirst}}}
	read, err := p.read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	p.finish(r, read)
	p.expire(time.Now().Add(keptFor / 2))
	if p.first(ch, read.top.Epoch) == nil {
		t.Fatal("a page is dropped that was read just now")
	}
	p.expire(time.Now().Add(2 * keptFor))
	if p.first(ch, read.top.Epoch) != nil || p.keptSize != 0 {
		t.Errorf("it is kept, %d bytes", p.keptSize)
	}
}

// When keys change, what was read, or is being read, by the former ones is nobody's any more.
func TestPagesAreReadAgainOnceTheyCanBeReadOtherwise(t *testing.T) {
	log := &countingLog{}
	h := &Hub{pages: newPages(log, metrics.New(prometheus.NewRegistry()))}
	ch := &channel{}
	first := func() *pageRequest {
		return &pageRequest{key: pageKey{channel: ch, start: protocol.Start{Kind: protocol.StartFirst}}}
	}
	read := func(r *pageRequest) *page {
		t.Helper()
		read, err := h.pages.read(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	kept := func() bool { return h.pages.first(ch, "0000000000000001") != nil }

	r := first()
	h.pages.finish(r, read(r))
	if !kept() {
		t.Fatal("a page is not kept")
	}
	r = first()
	underWay := read(r)
	h.Reread()
	if kept() || h.pages.keptSize != 0 {
		t.Error("the page is still kept")
	}
	if h.pages.finish(r, underWay); kept() {
		t.Error("a page is kept that was being read")
	}
	r = first()
	if h.pages.finish(r, read(r)); !kept() {
		t.Error("a page that is read later is not kept")
	}
	r = first()
	h.pages.open[r.key] = r
	underWay = read(r)
	h.RereadOf(ch.key.app, ch.key.name)
	h.pages.ask(&subscription{channel: ch}, r.key.start)
	later := h.pages.take()
	if h.pages.finish(r, underWay); later == nil || later == r || h.pages.open[later.key] != later {
		t.Error("who asks from now on is given a page that was being read")
	}
	later.waiters = nil // it has no worker
	h.pages.finish(later, read(later))
	h.RereadOf(ch.key.app, "another")
	h.RereadOf("another", "")
	if !kept() {
		t.Error("the page is dropped with those of others")
	}
	h.RereadOf(ch.key.app, ch.key.name)
	if kept() {
		t.Error("the page of the channel is still kept")
	}
	r = first()
	h.pages.finish(r, read(r))
	h.RereadOf(ch.key.app, "")
	if kept() {
		t.Error("the page of the app is still kept")
	}
}
