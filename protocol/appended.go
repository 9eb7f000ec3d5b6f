package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The script that appends to a log publishes what it appended, on the Redis channel
// that carries the channel's live events, as
//
//	relay1 <epoch> <id> <prev> <time> <event bytes> <exclude bytes> <final bytes>\n<event><exclude><final><data>
//
// with prev the id of the entry before, time in ms, exclude a socket id or nothing,
// and final the JSON of a [Final] or nothing.

const appendedMagic = "relay1 "

// maxAppendedHead is longer than any head that the script writes.
const maxAppendedHead = 160

// IsAppended says whether a message on a Redis channel is what the script
// published, as opposed to what [ParsePublished] parses.
func IsAppended(payload []byte) bool { return bytes.HasPrefix(payload, []byte(appendedMagic)) }

// ParseAppended parses what the script published for a channel. The event has a
// Link.
func ParseAppended(payload []byte, channel string, l Limits) (Event, error) {
	head, _, found := bytes.Cut(payload[:min(len(payload), maxAppendedHead)], []byte("\n"))
	words := strings.Split(string(head), " ")
	if !found || len(words) != 8 || words[0]+" " != appendedMagic {
		return Event{}, errors.New("parsing appended event: its head is not that of a version that is known")
	}
	body := payload[len(head)+1:]
	f := entryFields{time: words[4]}
	for i, field := range []*string{&f.event, &f.exclude, &f.final} {
		n, err := strconv.ParseUint(words[5+i], 10, 31)
		if err != nil || n > uint64(len(body)) {
			return Event{}, errors.New("parsing appended event: a length is not within it")
		}
		*field, body = string(body[:n]), body[n:]
	}
	f.data = string(body)
	prev, err := ParseID(words[3])
	if err != nil {
		return Event{}, fmt.Errorf("parsing appended event: %w", err)
	}
	e, err := f.read(words[1], words[2], prev, channel, l)
	if err != nil {
		return Event{}, fmt.Errorf("parsing appended event: %w", err)
	}
	return e, nil
}

// ParseEntry parses an entry of a log's stream: its id and its fields, names and
// values in turn. They are
//
//	e  the event's name
//	d  its data
//	t  when it was appended, in ms
//	p  the nonce of the entry before it
//	x  the socket id that does not get it (may be absent)
//	f  on the last entry of a closed log, the JSON of a [Final]
//
// The event has a Link.
func ParseEntry(epoch, id string, fields []string, channel string, l Limits) (Event, error) {
	var f entryFields
	var prevNonce string
	if len(fields)%2 != 0 {
		return Event{}, errors.New("parsing entry: fields without values")
	}
	for i := 0; i < len(fields); i += 2 {
		switch name, value := fields[i], fields[i+1]; name {
		case "e":
			f.event = value
		case "d":
			f.data = value
		case "t":
			f.time = value
		case "p":
			prevNonce = value
		case "x":
			f.exclude = value
		case "f":
			f.final = value
		default:
			return Event{}, fmt.Errorf("parsing entry %s: field %q is not known", clip(id), clip(name))
		}
	}
	at, err := ParseID(id)
	if err != nil {
		return Event{}, fmt.Errorf("parsing entry: %w", err)
	}
	prev, err := ParseID(strconv.FormatUint(at.Offset-1, 10) + "-" + prevNonce)
	if err != nil {
		return Event{}, fmt.Errorf("parsing entry %s: the nonce before it: %w", clip(id), err)
	}
	e, err := f.read(epoch, id, prev, channel, l)
	if err != nil {
		return Event{}, fmt.Errorf("parsing entry %s: %w", clip(id), err)
	}
	return e, nil
}

// entryFields is what an entry holds, in either form.
type entryFields struct{ event, data, time, exclude, final string }

// read checks everything: what comes from Redis is hostile.
func (f entryFields) read(epoch, id string, prev ID, channel string, l Limits) (Event, error) {
	at, err := ParseID(id)
	switch {
	case err != nil:
		return Event{}, err
	case !ValidEpoch(epoch):
		return Event{}, errors.New("the epoch is invalid")
	case at.Offset == 0 || prev.Offset != at.Offset-1:
		return Event{}, errors.New("the entry does not follow the one before it")
	}
	link := Link{At: Position{epoch, at}, Prev: prev}
	if link.Time, err = strconv.ParseInt(f.time, 10, 64); err != nil || link.Time < 0 {
		return Event{}, errors.New("the time is invalid")
	}
	if link.Final, err = ParseFinal(f.final); err != nil {
		return Event{}, err
	}
	e := Event{Name: f.event, Channel: channel, Data: f.data, Exclude: f.exclude, Link: &link}
	if !utf8.ValidString(e.Name) {
		return Event{}, errors.New("the event's name is not UTF-8")
	}
	if err := e.Check(l.redis()); err != nil {
		return Event{}, err
	}
	return e, nil
}

const digestLen = 40

// ParseFinal parses the JSON of a [Final]; nil is what an empty text stands for.
func ParseFinal(s string) (*Final, error) {
	if s == "" {
		return nil, nil
	}
	payload, err := validPayload([]byte(s))
	if err != nil {
		return nil, fmt.Errorf("final: %w", err)
	}
	v, _, err := readObject(payload, "entries", "lines", "bytes", "digest")
	if err != nil {
		return nil, fmt.Errorf("final: %w", err)
	}
	var counts [3]*int64
	for i := range counts {
		if v[i] != nil {
			n, err := strconv.ParseInt(string(v[i]), 10, 64)
			if err != nil || n < 0 {
				return nil, errors.New("final: a count is invalid")
			}
			counts[i] = &n
		}
	}
	digest, err := text("digest", v[3])
	if err != nil || len(digest) != digestLen || !isHex(digest) || counts[0] == nil {
		return nil, errors.New("final: the entries or the digest are invalid")
	}
	return &Final{Entries: *counts[0], Lines: counts[1], Bytes: counts[2], Digest: digest}, nil
}
