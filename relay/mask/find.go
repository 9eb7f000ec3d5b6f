package mask

import "encoding/binary"

// Hit is a part of a text that is to become stars.
type Hit struct {
	From, To int // of its first byte, and of the one behind it
	Kind     Kind
}

// maxSequence is how long the beginning of an escape sequence may be that counts as open.
const maxSequence = 256

// maxPooled is how many bytes a masker may hold that is kept for the next text.
const maxPooled = 64 << 10

// Find returns what a [Masker] would make stars of in text, when it comes behind before and
// nothing comes behind it: in order, and so that no two touch. A hit that begins in before
// begins at 0. Without hits it allocates nothing.
func (s *Set) Find(before, text string) []Hit {
	hits, _ := s.Follow(before, text)
	return hits
}

// Follow is [Set.Find], and tells how many bytes at the end of both texts are open: may
// become a hit together with what follows, or go on being one. What follows needs to be
// read behind these alone.
func (s *Set) Follow(before, text string) (hits []Hit, open int) {
	m, ok := s.finders.Get().(*Masker)
	if !ok {
		m = s.New()
	}
	m.held = append(append(m.held, before...), text...)
	m.read(m.held)
	open = m.open()
	m.finish()
	hits = m.hitsFrom(len(before))
	if cap(m.held) <= maxPooled && cap(m.gaps) <= maxPooled/32 {
		m.forget()
		s.finders.Put(m)
	}
	return hits, open
}

// forget makes a masker as new, but for its memory.
func (m *Masker) forget() {
	seen, raw := view{live: m.seen.live[:0]}, view{live: m.raw.live[:0], raw: true}
	*m = Masker{set: m.set, seen: seen, raw: raw, done: -1, held: m.held[:0], gaps: m.gaps[:0], hits: m.hits[:0], out: m.out}
}

// hitsFrom returns the hits behind an offset, counted from there.
func (m *Masker) hitsFrom(offset int) (hits []Hit) {
	for _, h := range m.hits {
		if from, to := int(h.from)-offset, int(h.to)-offset; to > 0 {
			hits = append(hits, Hit{max(0, from), to, h.kind})
		}
	}
	return hits
}

// open is how many of the last bytes may be part of a hit that ends later.
func (m *Masker) open() int {
	from := m.openIn(&m.seen)
	if m.split {
		from = min(from, m.openIn(&m.raw))
	}
	if n := len(m.gaps); m.seq.at != text && n > 0 && m.end-m.gaps[n-1].from <= maxSequence {
		from = min(from, m.gaps[n-1].from)
	}
	return int(m.end - max(0, from))
}

func (m *Masker) openIn(v *view) int64 {
	from := m.end
	if n := m.set.values.depth(v.state, v.window); n > 0 {
		from = v.back(n, m.gaps)
	}
	for i := range v.live {
		from = min(from, v.live[i].since)
	}
	if n := m.set.begunIn(v.window); n > 0 {
		from = min(from, v.back(n+1, m.gaps)) // with the byte that says whether it is the rest of a word
	}
	return from
}

// begunIn is how many of the last bytes of a window a prefix begins with, not all of it.
func (s *Set) begunIn(window uint64) int {
	if len(s.begun) == 0 {
		return 0
	}
	var last [8]byte
	binary.BigEndian.PutUint64(last[:], window)
	for n := len(last) - 1; n > 0; n-- {
		if s.begun[string(last[len(last)-n:])] {
			return n
		}
	}
	return 0
}
