package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// text returns a setting as soketi reads it: as a JSON string where it is one, else as it
// is written. So the key 0123 stays 0123, which is more than soketi does for 123.0.
func (s *soketi) text(name, fallback string) string {
	value, set := s.theirs[name]
	if !set {
		return fallback
	}
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// flag returns a setting that is true or false, or, as in many a compose file, 1 or 0.
func (s *soketi) flag(name string, fallback bool) bool {
	switch text := strings.TrimSpace(s.text(name, "")); text {
	case "":
		return fallback
	case "true", "1":
		return true
	case "false", "0":
		return false
	default:
		s.refuse(name, fmt.Sprintf("is %q, which is neither true nor false", text))
		return fallback
	}
}

// choice returns a setting that is one of some words; the first is the default.
func (s *soketi) choice(name string, words ...string) string {
	word := s.text(name, words[0])
	if !slices.Contains(words, word) {
		s.refuse(name, fmt.Sprintf("is %q, which is none of %s", word, strings.Join(words, ", ")))
		return words[0]
	}
	return word
}

// whole returns a setting that is a whole number.
func (s *soketi) whole(name string, fallback, least, most int) int {
	text := strings.TrimSpace(s.text(name, ""))
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		s.refuse(name, fmt.Sprintf("is %q: it must be a whole number from %d to %d", text, least, most))
		return fallback
	}
	return n
}

// most returns a setting that limits how many there may be, or in a second. For soketi -1
// is no limit, which is 0 for us, and 0 refuses everything, which nobody can want.
func (s *soketi) most(name string) string {
	n := s.whole(name, -1, -1, soketiMost)
	if n == 0 {
		s.refuse(name, "is 0, which refuses everything: -1 is no limit")
	}
	return strconv.Itoa(max(n, 0))
}

// kibibytes returns the bytes of a setting in kilobytes, which may have a fraction.
func (s *soketi) kibibytes(name string, fallback, most float64) string {
	kib := fallback
	if text := strings.TrimSpace(s.text(name, "")); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n*1024 >= 1 && n <= most) {
			s.refuse(name, fmt.Sprintf("is %q: it must be a number of kilobytes, of at most %v", text, most))
			n = fallback
		}
		kib = n
	}
	return strconv.Itoa(int(kib * 1024))
}
