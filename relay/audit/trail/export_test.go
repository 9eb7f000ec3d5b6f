package trail

import "buildrelay/relay/audit"

// ReadLine is how a line of a spool is read.
func ReadLine(key audit.Key, nonce, line []byte) (number int64, record []byte, ok bool) {
	return lineForm{key: key, nonce: nonce}.read(line)
}

// AppendLine is how one is written.
func AppendLine(key audit.Key, nonce []byte, number int64, record []byte) []byte {
	return lineForm{key: key, nonce: nonce}.append(nil, number, record)
}

// ReadHead is how the first line of a spool is read; the nonce is nil where it makes no sense.
func ReadHead(key audit.Key, line []byte) (number int64, nonce []byte) {
	f := lineForm{key: key}
	number = f.readHead(line)
	return number, f.nonce
}

// Head is how it is written.
func Head(key audit.Key, nonce []byte, number int64) []byte {
	return lineForm{key: key, nonce: nonce}.head(number)
}

// SetRoom sets how many records are held in memory, before the trail is used.
func (t *Trail) SetRoom(records int) { t.queue.most = records }

// Drain forgets what was noted, as if it were in the database.
func (t *Trail) Drain(room []note) []note {
	notes := t.queue.take(room)
	for _, n := range notes {
		t.queue.release(1, n.weight)
	}
	clear(notes)
	return notes
}
