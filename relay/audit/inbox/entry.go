package inbox

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// entry is one of the stream, as it was written.
type entry struct {
	id     string
	fields []string // names and values by turns
}

// bytes is how large the entry is.
func (e *entry) bytes() (n int) {
	for _, text := range e.fields {
		n += len(text)
	}
	return n
}

// oldest is how long ago an entry may have been written for its id to be taken for the time.
const oldest = 30 * 24 * time.Hour

// time is when the entry was written, by its id; now where the id tells no such time, as
// writers may choose it.
func (e *entry) time(now time.Time) time.Time {
	ms, _, _ := strings.Cut(e.id, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	written := time.UnixMilli(n)
	if err != nil || written.Before(now.Add(-oldest)) || written.After(now) {
		return now
	}
	return written
}

// noMore is from where to claim at first, and after the last entry.
const noMore = "0-0"

var errUnexpected = errors.New("an answer from Redis that was not expected")

// parseRead reads what XREADGROUP answers about one stream: [[KEY, [ENTRY…]]], or nil.
func parseRead(reply any) ([]entry, error) {
	if reply == nil {
		return nil, nil
	}
	streams, _ := reply.([]any)
	if len(streams) != 1 {
		return nil, errUnexpected
	}
	named, _ := streams[0].([]any)
	if len(named) != 2 {
		return nil, errUnexpected
	}
	return parseEntries(named[1])
}

// parseClaim reads what XAUTOCLAIM answers: [NEXT, [ENTRY…], …].
func parseClaim(reply any) (entries []entry, next string, err error) {
	parts, _ := reply.([]any)
	if len(parts) < 2 {
		return nil, "", errUnexpected
	}
	next, ok := parts[0].(string)
	if !ok {
		return nil, "", errUnexpected
	}
	entries, err = parseEntries(parts[1])
	return entries, next, err
}

// parseEntries reads [[ID, [NAME, VALUE…]]…]. An entry that somebody deleted is nil, or has
// no fields.
func parseEntries(reply any) ([]entry, error) {
	list, ok := reply.([]any)
	if !ok {
		return nil, errUnexpected
	}
	var entries []entry
	for _, item := range list {
		if item == nil {
			continue
		}
		parts, _ := item.([]any)
		if len(parts) != 2 {
			return nil, errUnexpected
		}
		id, ok := parts[0].(string)
		if !ok {
			return nil, errUnexpected
		}
		fields, _ := parts[1].([]any)
		e := entry{id: id}
		for _, field := range fields {
			text, _ := field.(string)
			e.fields = append(e.fields, text)
		}
		entries = append(entries, e)
	}
	return entries, nil
}
