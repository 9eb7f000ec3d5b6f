package masks

import (
	"bytes"

	"buildrelay/protocol"
)

// reader goes over data that may be JSON. Its methods report false where it is none.
type reader struct {
	data   []byte
	at     int
	field  string
	pieces []piece
}

// where is the place of a value in the data.
type where uint8

const (
	inRoot   where = iota // it is all of the data
	inField               // the member with the output
	inList                // an item of a list there
	inBase64              // the member with output in base64
	inside                // anywhere else
)

// maxDepth is how deep values may lie in one another, as for encoding/json.
const maxDepth = 10_000

func (r *reader) document() bool {
	ok := r.value(inRoot, 0)
	r.space()
	return ok && r.at == len(r.data)
}

func (r *reader) value(at where, depth int) bool {
	r.space()
	from := r.at
	switch {
	case r.at == len(r.data) || depth > maxDepth:
		return false
	case r.next('{'):
		return r.object(at, depth+1)
	case r.next('['):
		return r.list(at, depth+1)
	case r.data[r.at] == '"':
		ok := r.text()
		if ok {
			r.addString(from, at)
		}
		return ok
	default:
		ok := r.scalar()
		if ok {
			r.addScalar(from, at)
		}
		return ok
	}
}

// object is what follows its first brace.
func (r *reader) object(at where, depth int) bool {
	if r.next('}') {
		return true
	}
	for {
		r.space()
		from := r.at
		if !r.text() {
			return false
		}
		r.addString(from, inside)
		name := r.data[from:r.at]
		if !r.next(':') || !r.value(r.member(at, name), depth) {
			return false
		}
		if r.next('}') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

// member is where the value of a member is, given its name in quotes.
func (r *reader) member(at where, name []byte) where {
	if at != inRoot {
		return inside
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		name = []byte(`"` + protocol.Unquote(name) + `"`)
	}
	switch name = name[1 : len(name)-1]; string(name) {
	case r.field:
		return inField
	case base64Field:
		return inBase64
	default:
		return inside
	}
}

// list is what follows its first bracket.
func (r *reader) list(at where, depth int) bool {
	item := inside
	if at == inField {
		item = inList
	}
	if r.next(']') {
		return true
	}
	for {
		if !r.value(item, depth) {
			return false
		}
		if r.next(']') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}
