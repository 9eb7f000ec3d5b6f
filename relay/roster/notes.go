package roster

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

const (
	// mostNotes and mostNoteBytes are what may wait for Redis.
	mostNotes     = 10000
	mostNoteBytes = 16 << 20
	// noteBatchBytes is about how much of a partition's notes one call tells.
	noteBatchBytes = 256 << 10
	// noteBytes is what a note takes beside its texts.
	noteBytes = 256
)

// note is an occurrence that Redis has to be told.
type note struct {
	protocol.Occurrence
	// said is the number of the last row that was said before. Redis is told that first:
	// who sends something has been counted.
	said uint64
}

func (n note) size() int {
	return noteBytes + len(n.Channel) + len(n.UserID) + len(n.Event) + len(n.Data) + len(n.SocketID)
}

// Note notes something for the webhooks that Redis does not find out by itself: a client's
// event, or that a cache channel is empty. It is told once: after a connection that broke
// too, unless that takes ten minutes. While Redis is away it waits, with some thousand others;
// what is more is lost, and counted. Note does not block.
func (r *Roster) Note(o protocol.Occurrence) {
	if r.wants(o.App, o.Kind) && !r.wishes.note(o) {
		r.config.Metrics.HooksLost.Inc()
	}
}

// note puts a note into its queue, if there is room.
func (w *wishes) note(o protocol.Occurrence) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := note{Occurrence: o}
	if w.noted >= mostNotes || w.notedBytes+n.size() > mostNoteBytes {
		return false
	}
	key := rowKey{kind: count, app: o.App, channel: o.Channel}
	q := w.queue(key)
	if r := q.rows[key]; r != nil {
		w.hurry(q, r)
	}
	n.said = w.said
	q.notes = append(q.notes, n)
	w.noted++
	w.notedBytes += n.size()
	q.signal()
	return true
}

// nextNotes returns the notes of a partition that are next, and how many were told before
// them. They stay where they are until notesAreTold.
func (w *wishes) nextNotes(p int) (next []note, before uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := &w.parts[p]
	if len(q.again) > 0 {
		return nil, 0
	}
	n, bytes := 0, 0
	for n < min(len(q.notes), batch) {
		if len(q.due) > 0 && q.due[0].said <= q.notes[n].said {
			break
		}
		bytes += q.notes[n].size()
		if n > 0 && bytes > noteBatchBytes {
			break
		}
		n++
	}
	return q.notes[:n:n], q.notesTold
}

// notesAreTold takes the first n notes of a partition out of their queue.
func (w *wishes) notesAreTold(p, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := &w.parts[p]
	for i := range q.notes[:n] {
		w.notedBytes -= q.notes[i].size()
		q.notes[i] = note{}
	}
	w.noted -= n
	q.notesTold += uint64(n)
	if q.notes = q.notes[n:]; len(q.notes) == 0 {
		q.notes = nil // what it stood on can go
	}
}

// flushNotes tells Redis some of the notes, in one round trip. It says whether there were
// any.
func (s *session) flushNotes(ctx context.Context) (more bool, err error) {
	var parts []*part
	var counts []int
	var args [][]any
	for _, p := range s.parts {
		if notes, before := s.wishes.nextNotes(p.number); len(notes) > 0 {
			parts = append(parts, p)
			counts = append(counts, len(notes))
			args = append(args, s.noteArgs(notes, before))
		}
	}
	if len(parts) == 0 {
		return false, nil
	}
	i := -1
	replies, err := s.call(ctx, parts, func(*part) []any {
		i++
		return args[i]
	})
	if err != nil {
		return false, fmt.Errorf("telling Redis what to note: %w", err)
	}
	for i, p := range parts {
		if err := noteErr(replies[i]); err != nil {
			return false, err
		}
		s.wishes.notesAreTold(p.number, counts[i])
	}
	return true, nil
}

// noteArgs are those of the script's command tell.
func (s *session) noteArgs(notes []note, before uint64) []any {
	args := append(make([]any, 0, 3+4*len(notes)), "tell", s.source, before+1)
	for _, n := range notes {
		args = append(args, n.Kind, nameOf(n.App, n.Channel), n.UserID, noteText(n.Occurrence))
	}
	return args
}

// noteErr reads what the command tell answers.
func noteErr(reply *redis.Cmd) error {
	answers, err := reply.Slice()
	if err != nil {
		return fmt.Errorf("telling Redis what to note: %w", err)
	}
	for _, answer := range answers {
		if err := attemptErr(answer); err != nil {
			return err
		}
	}
	return nil
}

// sent is what the outbox keeps of a client's event, as text.
type sent struct {
	Event    string `json:"event"`
	Data     string `json:"data"`
	SocketID string `json:"socket_id"`
}

func noteText(o protocol.Occurrence) string {
	if o.Kind != protocol.HookClientEvent {
		return ""
	}
	text, _ := json.Marshal(sent{o.Event, o.Data, o.SocketID}) // strings can always be written
	return string(text)
}
