package broker

import "buildrelay/protocol"

// rawPage is a page of a log as the script reads it. Nothing in it is trusted.
type rawPage struct {
	epoch, top, oldest, from string
	closed                   bool
	final                    string // where closed
	entries                  []rawEntry
	more                     bool // the stream has more
}

type rawEntry struct {
	id     string
	fields []string
}

// parseReply takes the script's reply apart.
func parseReply(reply any) (rawPage, error) {
	v, ok := reply.([]any)
	if !ok || len(v) != 8 {
		return rawPage{}, errUnexpected
	}
	entries, ok := v[5].([]any)
	if !ok {
		return rawPage{}, errUnexpected
	}
	p := rawPage{epoch: textOf(v[0]), top: textOf(v[1]), closed: textOf(v[2]) == "1", oldest: textOf(v[3]), from: textOf(v[4])}
	p.more, p.final = v[6] == int64(1), textOf(v[7])
	for _, entry := range entries {
		parts, ok := entry.([]any)
		if !ok || len(parts) != 2 {
			return rawPage{}, errUnexpected
		}
		fields, ok := parts[1].([]any)
		if !ok {
			return rawPage{}, errUnexpected
		}
		p.entries = append(p.entries, rawEntry{textOf(parts[0]), textsOf(fields)})
	}
	return p, nil
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

func textsOf(values []any) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = textOf(v)
	}
	return texts
}

// parseTop reads the epoch and the newest id of a meta hash. ok is false where they
// make no sense; both empty is no log.
func parseTop(epoch, id string) (top protocol.Position, ok bool) {
	if epoch == "" && id == "" {
		return protocol.Position{}, true
	}
	at, err := protocol.ParseID(id)
	if err != nil || at.Offset == 0 || !protocol.ValidEpoch(epoch) {
		return protocol.Position{}, false
	}
	return protocol.Position{Epoch: epoch, ID: at}, true
}

func (p rawPage) malformed() bool {
	_, ok := parseTop(p.epoch, p.top)
	return !ok
}

// readEntry makes sense of an entry, or says why that cannot be done.
type readEntry func(rawEntry) (protocol.Event, error)

// page makes sense of what was read from start on. bad says that some of it makes none.
func (p rawPage) page(start protocol.Start, read readEntry) (page protocol.Page, bad bool) {
	top, _ := parseTop(p.epoch, p.top)
	page = protocol.Page{Top: top, From: top, End: top}
	if start.Kind == protocol.StartSince {
		page.From = start.Since
	}
	if top.Epoch == "" {
		return page, false
	}
	if page.Closed = p.closed; p.closed {
		page.Final, _ = protocol.ParseFinal(p.final)
	}
	page.Oldest, _ = protocol.ParseID(p.oldest)
	if start.Kind != protocol.StartSince {
		id, _ := protocol.ParseID(p.from)
		page.From = protocol.Position{Epoch: top.Epoch, ID: id}
	}
	return page, p.chain(&page, read)
}

// chain adds the entries that can be read: they name one another, and nothing else in the
// stream proves that it is of this log. If the first ones cannot, the page starts behind them,
// which its Gap then tells. It says whether any are missing, or cannot be read.
func (p rawPage) chain(page *protocol.Page, read readEntry) (bad bool) {
	last, known := page.From.ID, p.follows()
	for _, raw := range p.entries {
		e, err := read(raw)
		if err != nil || known && !mayFollow(last, e.Link) {
			bad = true
			if len(page.Entries) == 0 {
				page.Bad++
			}
			continue
		}
		bad = bad || len(page.Entries) > 0 && e.Link.Prev != last
		page.Entries = append(page.Entries, e)
		last, known = e.Link.At.ID, true
	}
	if page.End.ID = last; len(page.Entries) == 0 {
		page.End.ID = p.behind()
	}
	page.More = page.End != page.Top
	page.Bad = max(page.Bad, holes(page))
	return bad || page.Bad > 0
}

// follows says whether the entry is known that the page starts behind.
func (p rawPage) follows() bool { return len(p.entries) > 0 && p.entries[0].id != p.oldest }

// mayFollow says whether an entry can stand behind the one called last, at once or after
// others that are missing.
func mayFollow(last protocol.ID, l *protocol.Link) bool {
	return l.Prev == last || l.At.ID.Offset > last.Offset+1
}

// behind is where a page without a good entry ends.
func (p rawPage) behind() protocol.ID {
	top, _ := protocol.ParseID(p.top)
	if !p.more || len(p.entries) == 0 {
		return top
	}
	id, err := protocol.ParseID(p.entries[len(p.entries)-1].id)
	if err != nil {
		return top
	}
	return id
}

// holes is how many entries are missing where the page starts, though older ones are
// there.
func holes(page *protocol.Page) int {
	from, next := page.From.ID.Offset, page.End.ID.Offset+1
	if len(page.Entries) > 0 {
		next = page.Entries[0].Link.At.ID.Offset
	}
	if page.From.Epoch != page.Top.Epoch || page.Oldest.Offset == 0 || page.Oldest.Offset > from || next <= from {
		return 0
	}
	return int(next - from - 1)
}
