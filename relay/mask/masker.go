package mask

import "slices"

// Stars stand for a hit, whatever its length.
const Stars = "***"

// patience is how many bytes of what may be a secret are shown when nothing follows
// for a while: less than of any value must be missing for it to be a secret still.
const patience = 3

// maxLive is how many tokens of a kind may be in progress at a place: whoever prints
// more than that wants it to be slow.
const maxLive = 16

// Masker masks one stream. What it returns, put together, does not depend on how the
// stream was cut, unless [Masker.Release] was called. It is not safe for concurrent use.
//
// Hits that touch each other are one. Between the first and the last byte of a hit
// nothing is left, escape sequences and line ends included.
type Masker struct {
	set   *Set
	seq   sequence
	seen  view // without escape sequences
	raw   view // with them; the same as seen unless split
	split bool
	gaps  []gap // in what is held

	held  []byte // what is not shown yet, behind what the last call returned
	shown int    // so many bytes of held are returned already
	at    int64  // the offset of held[0]
	end   int64  // the offset behind all there was
	hits  []found
	done  int64 // the end of the last hit that was shown, -1 before the first
	out   []byte
	count [kinds]int64
}

// found is a hit that is not shown yet.
type found struct {
	span
	kind Kind
}

// New returns a masker for a stream.
func (s *Set) New() *Masker {
	return &Masker{set: s, raw: view{raw: true}, done: -1}
}

// Write takes what comes next and returns what may be shown now. All is held back that
// may become a hit, and nothing else. The result is good until the next call.
func (m *Masker) Write(p []byte) []byte {
	m.held = append(m.held[:copy(m.held, m.held[m.shown:])], p...)
	m.shown = 0
	m.read(p)
	return m.show(m.safe(-1))
}

// read finds the hits in what comes next.
func (m *Masker) read(p []byte) {
	for len(p) > 0 {
		p = p[m.skim(p):]
		if len(p) > 0 {
			m.take(p[0])
			p = p[1:]
		}
	}
}

// finish finds the hits that the end of the stream makes.
func (m *Masker) finish() {
	m.shapes(&m.seen, lineEnd, m.end)
	if m.split {
		m.shapes(&m.raw, lineEnd, m.end)
	}
}

// Release is for when nothing has come for a while: it returns what is held back, a
// prompt perhaps, unless more than three bytes of a secret may be in it. Should one follow
// its rest is masked.
func (m *Masker) Release() []byte {
	m.held = m.held[:copy(m.held, m.held[m.shown:])]
	m.shown = 0
	return m.show(m.safe(patience))
}

// Flush is for the end of the stream: it returns all that is left. What is written
// afterwards is another stream.
func (m *Masker) Flush() []byte {
	m.held = m.held[:copy(m.held, m.held[m.shown:])]
	m.shown = 0
	m.finish()
	out := m.show(m.end)
	*m = Masker{set: m.set, raw: view{raw: true}, done: -1, held: m.held, shown: m.shown, out: m.out, count: m.count}
	m.held, m.shown = m.held[:0], 0
	return out
}

// Holding reports whether something is held back.
func (m *Masker) Holding() bool { return m.shown < len(m.held) }

// Hits returns how many hits of a kind were shown as stars.
func (m *Masker) Hits(k Kind) int64 { return m.count[k] }

// skim passes over the beginning of p that cannot be part of a hit, and returns how
// long it is.
func (m *Masker) skim(p []byte) int {
	if m.split || m.seq.at != text || !m.seen.idle() {
		return 0
	}
	window, n := m.set.values.skim(m.seen.window, p)
	if n > 0 {
		m.end += int64(n)
		m.seen.window, m.seen.last = window, m.end
		m.seen.shift(n)
	}
	return n
}

// take is one byte.
func (m *Masker) take(c byte) {
	m.end++
	wasText := m.seq.at == text
	isText := m.seq.step(c)
	if wasText && !isText && !m.split {
		m.split = true
		m.seen.copyTo(&m.raw)
	}
	switch {
	case c == '\n' || c == '\r':
		m.leaveOut(true)
		m.newLine(&m.seen)
		if m.split {
			m.newLine(&m.raw)
		}
	case isText:
		m.feed(&m.seen, c)
	default:
		m.leaveOut(false)
		m.seen.leaveOut(m.end)
	}
	if m.split && c != '\n' && c != '\r' {
		m.feed(&m.raw, c)
	}
	m.split = m.split && (m.seq.at != text || !m.seen.same(&m.raw))
}

// leaveOut notes a gap.
func (m *Masker) leaveOut(line bool) {
	if i := len(m.gaps) - 1; i >= 0 && m.gaps[i].to == m.end-1 && m.gaps[i].line == line {
		m.gaps[i].to++
		return
	}
	m.gaps = append(m.gaps, gap{span{m.end - 1, m.end}, line})
}

// newLine shows a line end to a view, which leaves it out. Nearly any line ends with the
// first byte or two of some form of some value. Were they held back, most lines would
// come in two parts; so they are shown, and of a value that is wrapped there the rest
// is masked.
func (m *Masker) newLine(v *view) {
	if v.state == 0 && !m.set.values.begun(v.window) {
		v.floor = m.end
	}
	v.leaveOut(m.end)
	m.shapes(v, lineEnd, m.end-1)
}

// feed shows c to a view.
func (m *Masker) feed(v *view, c byte) {
	if len(v.live) > 0 {
		m.shapes(v, c, m.end-1)
	}
	v.put(c, m.end)
	values := m.set.values
	known := values.maybe(v.window)
	if !known && v.state == 0 {
		return
	}
	v.state = values.next(v.state, c, v.window, known)
	if n := values.nodes[v.state].hit; n > 0 {
		m.mark(max(v.floor, v.back(int(n), m.gaps)), m.end, Value)
	}
	if !known {
		return
	}
	for _, r := range m.set.triggers[uint32(v.window)] {
		if s, ok := r.start(v, m.gaps); ok && v.inProgress(r.kind) < maxLive {
			v.live = append(v.live, s)
		}
	}
}

// shapes shows a byte at an offset to the tokens in progress.
func (m *Masker) shapes(v *view, c byte, at int64) {
	kept := 0
	for i := range v.live {
		s := &v.live[i]
		switch s.step(s, c) {
		case over:
			continue
		case ended:
			m.mark(s.from, v.last, s.kind)
			continue
		case soFar:
			m.mark(s.from, v.last, s.kind)
		case begins:
			s.from, s.n = at+1, 0
		case hit:
			m.mark(s.from, at+1, s.kind)
			s.sure = true
		case going:
		}
		v.live[kept] = *s
		kept++
	}
	v.live = v.live[:kept]
}

// mark notes a hit, in order, and as one with those it touches. It may lie before one
// that is known: the views do not see the end of a token at the same byte.
func (m *Masker) mark(from, to int64, k Kind) {
	hit := found{span{max(from, m.at), to}, k}
	first := len(m.hits)
	for first > 0 && m.hits[first-1].to >= hit.from {
		first--
	}
	behind := first
	for ; behind < len(m.hits) && m.hits[behind].from <= hit.to; behind++ {
		if touched := m.hits[behind]; touched.from <= hit.from {
			hit.from, hit.kind = touched.from, touched.kind
		}
		hit.to = max(hit.to, m.hits[behind].to)
	}
	m.hits = slices.Replace(m.hits, first, behind, hit)
}

// safe returns the offset up to which all hits are known, where bytes of a secret that
// are no more than exposed do not count.
func (m *Masker) safe(exposed int) int64 {
	safe := min(m.end, m.safeIn(&m.seen, exposed))
	if m.split {
		safe = min(safe, m.safeIn(&m.raw, exposed))
	}
	return max(safe, m.at)
}

func (m *Masker) safeIn(v *view, exposed int) int64 {
	safe := m.end
	if n := m.set.values.depth(v.state, v.window); n > max(0, exposed) {
		safe = max(v.floor, v.back(n, m.gaps))
	}
	for _, s := range v.live {
		if s.sure && exposed < 0 {
			safe = min(safe, v.last) // a line end it sees through is part of it
		}
		if s.from >= 0 && !s.sure && s.n > exposed {
			safe = min(safe, s.from)
		}
	}
	return safe
}

// show returns what is held up to an offset, or to the end of the hit that it is in,
// with stars for hits.
func (m *Masker) show(to int64) []byte {
	n := 0
	for n < len(m.hits) && m.hits[n].from < to {
		to = max(to, m.hits[n].to)
		n++
	}
	out := m.held[:to-m.at]
	if n > 0 {
		out = m.masked(m.hits[:n], to)
	}
	m.hits = m.hits[:copy(m.hits, m.hits[n:])]
	m.shown, m.at = int(to-m.at), to
	past := 0
	for past < len(m.gaps) && m.gaps[past].to <= to {
		past++
	}
	m.gaps = m.gaps[:copy(m.gaps, m.gaps[past:])]
	return out
}

// masked writes what is held up to an offset, with stars for hits.
func (m *Masker) masked(hits []found, to int64) []byte {
	m.out = m.out[:0]
	at := m.at
	for _, h := range hits {
		m.out = append(m.out, m.held[at-m.at:h.from-m.at]...)
		if h.from > m.done || m.done < 0 {
			m.out = append(m.out, Stars...)
			m.count[h.kind]++
		}
		m.done, at = h.to, h.to
	}
	return append(m.out, m.held[at-m.at:to-m.at]...)
}
