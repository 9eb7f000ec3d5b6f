package relay_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/protocol"
)

// scriptedLog keeps the logs of all channels in memory.
type scriptedLog struct {
	world    *world
	pageSize int

	mu   sync.Mutex
	away bool // nothing is answered but errors
	// pagesAway says that no page can be read.
	pagesAway bool
	logs      map[string]*scriptedEntries
	// lives counts the logs there were, and branches their rollbacks: epochs and
	// nonces are made of them.
	lives, branches int
	// counted are the counts that others are told from.
	counted [2]float64
}

type scriptedEntries struct {
	epoch   string
	closed  bool
	broken  bool
	away    bool // its master
	top     protocol.ID
	entries []protocol.Event // that are retained
}

func newScriptedLog(w *world) *scriptedLog {
	return &scriptedLog{world: w, pageSize: 100, logs: make(map[string]*scriptedEntries)}
}

// add appends an event and returns it with its link.
func (l *scriptedLog) add(channel, name, data, exclude string, final bool) protocol.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.logs[channel]
	if log == nil {
		l.lives++
		log = &scriptedEntries{epoch: fmt.Sprintf("%016x", l.lives)}
		l.logs[channel] = log
	}
	prev := log.top
	log.top = protocol.ID{Offset: prev.Offset + 1, Nonce: uint32(1000*l.branches) + uint32(prev.Offset) + 1}
	link := &protocol.Link{At: protocol.Position{Epoch: log.epoch, ID: log.top}, Prev: prev}
	if final {
		link.Final = finalOf(log.top)
		log.closed = true
	}
	e := protocol.Event{Channel: channel, Name: name, Data: data, Exclude: exclude, Link: link}
	log.entries = append(log.entries, e)
	return e
}

// forge makes the newest entry one that cannot be read, and returns what the broker tells of
// such a one.
func (l *scriptedLog) forge(e protocol.Event) protocol.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Link.Unreadable = true // in the log as well
	return protocol.Event{Channel: e.Channel, Link: e.Link}
}

func finalOf(top protocol.ID) *protocol.Final {
	return &protocol.Final{Entries: int64(top.Offset), Digest: strings.Repeat("0", 40)}
}

// ReadLog implements relay.Log.
func (l *scriptedLog) ReadLog(_ context.Context, _, channel string, start protocol.Start) (protocol.Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.logs[channel]
	switch {
	case l.away || l.pagesAway || log != nil && log.away:
		return protocol.Page{}, errAway
	case log == nil:
		return protocol.Page{From: start.Since}, nil
	case log.broken:
		return protocol.Page{}, protocol.ErrLogBroken
	}
	page := protocol.Page{Top: protocol.Position{Epoch: log.epoch, ID: log.top}, Closed: log.closed}
	if log.closed {
		page.Final = finalOf(log.top)
	}
	first := log.index(start)
	page.From = protocol.Position{Epoch: log.epoch}
	switch {
	case start.Kind == protocol.StartSince:
		page.From = start.Since
	case start.Kind == protocol.StartNow:
		page.From = page.Top
	case first > 0:
		page.From = log.entries[first-1].Link.At
	}
	end := min(len(log.entries), first+l.pageSize)
	page.Entries, page.More = readable(log.entries[first:end]), end < len(log.entries)
	if first < end && log.entries[first].Link.Unreadable {
		page.Bad = 1 // or more
	}
	page.End = page.Top
	if page.More {
		page.End = log.entries[end-1].Link.At
	}
	return page, nil
}

func readable(entries []protocol.Event) []protocol.Event {
	return slices.DeleteFunc(slices.Clone(entries), func(e protocol.Event) bool { return e.Link.Unreadable })
}

// index returns the first entry to read.
func (s *scriptedEntries) index(start protocol.Start) int {
	switch start.Kind {
	case protocol.StartNow:
		return len(s.entries)
	case protocol.StartCount:
		return max(0, len(s.entries)-int(start.N))
	case protocol.StartSince:
		i := slices.IndexFunc(s.entries, func(e protocol.Event) bool { return e.Link.At == start.Since })
		if i >= 0 {
			return i + 1
		}
		if start.Since == (protocol.Position{Epoch: s.epoch, ID: s.top}) {
			return len(s.entries)
		}
	}
	return 0
}

// LogTops implements relay.Log.
func (l *scriptedLog) LogTops(_ context.Context, names []protocol.ChannelName) ([]protocol.LogTop, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return nil, errAway
	}
	tops := make([]protocol.LogTop, len(names))
	var err error
	for i, name := range names {
		if log := l.logs[name.Channel]; log != nil && log.away {
			tops[i], err = protocol.LogTop{Unread: true}, errAway
		} else if log != nil && !log.broken {
			tops[i] = protocol.LogTop{At: protocol.Position{Epoch: log.epoch, ID: log.top}, Closed: log.closed}
		}
	}
	return tops, err
}

// doAppend: append CHANNEL EVENT DATA [except=CLIENT] [times=N] [size=N] [unheard]
// [twice] [final] [sealed] [forged] [withheld]. Unheard, it stands in the log and the node is not told;
// twice, it is told twice; forged, it cannot be read.
func (w *world) doAppend(args []string) error {
	options := args[3:]
	has := func(option string) bool { return slices.Contains(options, option) }
	times, size, exclude := 1, 0, ""
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "times":
			times, _ = strconv.Atoi(value)
		case "size":
			size, _ = strconv.Atoi(value)
		case "except":
			exclude = w.clients[value].conn.ID()
		}
	}
	for i := range times {
		data := args[2]
		if times > 1 {
			data += strconv.Itoa(i + 1)
		}
		data += strings.Repeat(".", max(0, size-len(data)))
		e := w.log.add(args[0], args[1], data, exclude, has("final"))
		e.Link.Sealed = has("sealed")
		if has("forged") {
			e = w.log.forge(e)
		}
		if has("unheard") {
			continue
		}
		if has("withheld") {
			e = withheld(e)
		}
		w.hub.Deliver(appID, e)
		if has("twice") {
			w.hub.Deliver(appID, e)
		}
	}
	w.hub.Flush()
	return nil
}

// doLog: log away, log back, log pages away|back (where logs end is told all the same),
// log pagesize N, log lose CHANNEL (it is gone), log trim
// CHANNEL N (all but the newest N), log rollback CHANNEL N (the newest N are gone),
// log remove CHANNEL N (the Nth that is retained), log break CHANNEL, log hide CHANNEL (its
// master alone is away), log show CHANNEL, log counts (gaps that were told as unavailable, and
// pages that were read), which log counts from here begins with.
func (w *world) doLog(args []string) error {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	if len(args) > 1 {
		n, _ = strconv.Atoi(args[len(args)-1])
	}
	switch args[0] {
	case "away", "back":
		l.away = args[0] == "away"
		return nil
	case "pages":
		l.pagesAway = args[1] == "away"
		return nil
	case "pagesize":
		l.pageSize = n
		return nil
	case "lose":
		delete(l.logs, args[1])
		return nil
	case "counts":
		gaps := testutil.ToFloat64(w.metrics.LogGaps.WithLabelValues(string(protocol.GapUnavailable)))
		pages := testutil.ToFloat64(w.metrics.LogReads)
		if len(args) == 1 {
			w.events.add("counts: %v gaps, %v pages", gaps-l.counted[0], pages-l.counted[1])
		}
		l.counted = [2]float64{gaps, pages}
		return nil
	}
	log := l.logs[args[1]]
	switch args[0] {
	case "trim":
		log.entries = log.entries[len(log.entries)-n:]
	case "rollback":
		l.branches++
		log.entries = log.entries[:len(log.entries)-n]
		log.top = log.entries[len(log.entries)-1].Link.At.ID
	case "remove":
		log.entries = slices.Delete(slices.Clone(log.entries), n-1, n)
	case "break":
		log.broken = true
	case "hide", "show":
		log.away = args[0] == "hide"
	default:
		return fmt.Errorf("log does not know %q", args[0])
	}
	return nil
}
