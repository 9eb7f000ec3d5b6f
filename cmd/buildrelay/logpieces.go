package main

import (
	"bytes"

	"buildrelay/relay/api"
)

// piece is what one entry of a log prints, behind what is missing before it.
type piece struct {
	missing string
	text    []byte
}

func piecesOf(page *api.History) []piece {
	var pieces []piece
	if page.Gap != nil {
		pieces = append(pieces, piece{missing: page.Gap.Text()})
	}
	for _, e := range page.Entries {
		text, lost := api.TextOf(e.Event, e.Data)
		p := piece{text: text}
		if lost > 0 {
			p.missing = api.LostText(lost)
		}
		pieces = append(pieces, p)
	}
	return pieces
}

// lastLines returns the end of pieces that has their last n lines, all of them where
// they have no more.
func lastLines(pieces []piece, n int) []piece {
	if n == 0 {
		return nil
	}
	atEnd := true
	for i := len(pieces) - 1; i >= 0; i-- {
		rest := pieces[i].text
		if atEnd && len(rest) > 0 { // a line end there begins no line
			rest, atEnd = rest[:len(rest)-1], false
		}
		for ; ; n-- {
			end := bytes.LastIndexByte(rest, '\n')
			if end < 0 {
				break
			}
			if n == 1 {
				return append([]piece{{text: pieces[i].text[end+1:]}}, pieces[i+1:]...)
			}
			rest = rest[:end]
		}
	}
	return pieces
}
