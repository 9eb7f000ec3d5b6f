package masks

import (
	"encoding/base64"
	"strings"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// piece is a part of an event's data that is masked for itself.
type piece struct {
	from, to int // in the data
	as       writing
	output   bool // it goes on from the event before
	text     string
}

// writing is how a piece stands in the data.
type writing uint8

const (
	plain   writing = iota // as it is
	scalar                 // likewise, but all of the data is a number, true, false or null
	quoted                 // a string of JSON
	number                 // a number of JSON
	encoded                // a string of JSON, in base64
)

// base64Field is the member that pipe's events have in the place of the text where output is
// no UTF-8.
const base64Field = "base64"

// read takes data apart. What is too short to have a hit is left out, unless it is output.
func read(data, field string) []piece {
	r := reader{data: []byte(data), field: field}
	if !r.document() {
		return []piece{{to: len(data), output: true, text: data}}
	}
	return r.pieces
}

// outputOf is the output of an event, given its data.
func outputOf(data, field string) string {
	if data == "" {
		return ""
	}
	return outputIn(read(data, field))
}

// outputIn is the output in pieces, one behind the other.
func outputIn(pieces []piece) string {
	var parts []string
	for _, p := range pieces {
		if p.output {
			parts = append(parts, p.text)
		}
	}
	return strings.Join(parts, "")
}

// addString notes a string that stands at where, from an offset up to where the reader is.
func (r *reader) addString(from int, at where) {
	output := at == inRoot || at == inField || at == inList
	if !output && at != inBase64 && r.at-from-len(`""`) < mask.Shortest {
		return
	}
	p := piece{from: from, to: r.at, as: quoted, output: output, text: protocol.Unquote(r.data[from:r.at])}
	if at == inBase64 {
		if text, err := base64.StdEncoding.DecodeString(p.text); err == nil {
			p.as, p.output, p.text = encoded, true, string(text)
		}
	}
	r.pieces = append(r.pieces, p)
}

// addScalar notes a number, true, false or null.
func (r *reader) addScalar(from int, at where) {
	switch {
	case at == inRoot:
		r.pieces = append(r.pieces, piece{to: len(r.data), as: scalar, output: true, text: string(r.data)})
	case r.at-from >= mask.Shortest:
		r.pieces = append(r.pieces, piece{from: from, to: r.at, as: number, text: string(r.data[from:r.at])})
	}
}
