package faults

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
)

// StartCommandLink is [StartHoleLink] for a proxy to Redis that swallows only what the
// connections carry that do not subscribe: what is heard is heard all the time.
func StartCommandLink(t testing.TB, server string) *HoleLink {
	t.Helper()
	l := &HoleLink{server: server}
	l.watch = l.watchCommanding
	return startHoleLink(t, l)
}

// greetings are the commands with which a client begins any connection.
func greetings() []string { return []string{"hello", "auth", "select", "client", "readonly"} }

// watchCommanding looks for the first command that says what the connection is for.
func (l *HoleLink) watchCommanding(p *pair) func([]byte) {
	known := false
	return func(sent []byte) {
		for _, command := range commands(sent) {
			if known || slices.Contains(greetings(), command) {
				continue
			}
			if known = true; command != "subscribe" {
				l.mu.Lock()
				l.doom(p)
				l.mu.Unlock()
			}
		}
	}
}

// commands are the names, in small letters, of the commands that begin in what a client
// sent at once.
func commands(sent []byte) (names []string) {
	for {
		count, rest, ok := header(sent, '*')
		if !ok {
			return names
		}
		for i := range count {
			size, text, ok := header(rest, '$')
			if !ok || size+2 > len(text) {
				return names
			}
			if i == 0 {
				names = append(names, string(bytes.ToLower(text[:size])))
			}
			rest = text[size+2:]
		}
		sent = rest
	}
}

// header reads a line with a number, such as *2 or $9.
func header(text []byte, kind byte) (n int, rest []byte, ok bool) {
	line, rest, ok := bytes.Cut(text, []byte("\r\n"))
	if !ok || len(line) == 0 || line[0] != kind {
		return 0, nil, false
	}
	n, err := strconv.Atoi(string(line[1:]))
	return n, rest, err == nil && n >= 0
}
