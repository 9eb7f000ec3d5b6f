package masks

import (
	"encoding/base64"
	"strings"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// rewrite returns data with stars, given its pieces and the hits in its output. What has no hit
// stays byte for byte.
func (l *looking) rewrite(data string, pieces []piece, output []mask.Hit) (string, mask.Counts) {
	var all mask.Counts
	var b strings.Builder
	var hits []mask.Hit
	written, read := 0, 0
	for _, p := range pieces {
		if p.output {
			hits, output = within(output, read, read+len(p.text))
			read += len(p.text)
		} else {
			hits = l.find("", p.text)
		}
		starred, counts := l.star(p, hits)
		if counts == (mask.Counts{}) {
			continue
		}
		all.Add(counts)
		b.WriteString(data[written:p.from])
		b.WriteString(starred)
		written = p.to
	}
	if written == 0 {
		return data, all
	}
	b.WriteString(data[written:])
	return b.String(), all
}

// within returns the hits in a part of a text, counted from there, of all hits from there on. One
// that it has a part of is cut. rest are those that go on behind the part.
func within(hits []mask.Hit, from, to int) (part, rest []mask.Hit) {
	for len(hits) > 0 && hits[0].From < to {
		h := hits[0]
		if h.To > from && to > from {
			part = append(part, mask.Hit{From: max(h.From, from) - from, To: min(h.To, to) - from, Kind: h.Kind})
		}
		if h.To > to {
			break
		}
		hits = hits[1:]
	}
	return part, hits
}

// star returns a piece with stars, as it is written in the data.
func (l *looking) star(p piece, hits []mask.Hit) (string, mask.Counts) {
	if len(hits) == 0 && p.as != encoded {
		return "", mask.Counts{}
	}
	text, counts := mask.Star(p.text, hits)
	switch p.as {
	case plain:
		return text, counts
	case number:
		return `"` + mask.Stars + `"`, counts
	case encoded: // a value may be what some text is in base64
		text = base64.StdEncoding.EncodeToString([]byte(text))
		more := l.find("", text)
		starred, found := mask.Star(text, more)
		counts.Add(found)
		return quote(starred), counts
	default:
		return quote(text), counts
	}
}

// quote returns a string of JSON.
func quote(text string) string {
	return string(protocol.AppendQuoted(nil, strings.ToValidUTF8(text, "\uFFFD")))
}
