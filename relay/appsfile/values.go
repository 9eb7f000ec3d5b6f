package appsfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bytes is an amount of memory.
type Bytes int64

// mostMemory is the largest amount that makes sense anywhere.
const mostMemory = 1 << 40

// UnmarshalText reads a whole number of bytes, or of KiB, MiB or GiB with that unit
// behind it.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = rest, factor
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > mostMemory/unit {
		return fmt.Errorf("%q is no amount of memory such as 1048576, 512KiB, 64MiB or 1GiB", text)
	}
	*b = Bytes(n * unit)
	return nil
}

// String returns the amount as it is read, with the largest unit of which it is a whole number.
func (b Bytes) String() string {
	for _, unit := range []struct {
		name string
		size Bytes
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b >= unit.size && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// The functions below return what sets a value by its text. Their errors continue a
// sentence about it: "it must be …".

func number(to *int, least, most int) func(string) error {
	return func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most || strconv.Itoa(n) != text {
			return fmt.Errorf("must be a whole number from %d to %d", least, most)
		}
		*to = n
		return nil
	}
}

func amount(to *int, least, most Bytes) func(string) error {
	return func(text string) error {
		var b Bytes
		if b.UnmarshalText([]byte(text)) != nil || b < least || b > most {
			return fmt.Errorf("must be an amount such as 4096 or 10KiB, from %v to %v", least, most)
		}
		*to = int(b)
		return nil
	}
}

func truth(to *bool) func(string) error {
	return func(text string) error {
		if text != "true" && text != "false" {
			return errors.New("must be true or false")
		}
		*to = text == "true"
		return nil
	}
}

func duration(to *time.Duration, least, most time.Duration) func(string) error {
	return func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return fmt.Errorf("must be a time such as 500ms, 90s or 24h, from %v to %v", least, most)
		}
		*to = d
		return nil
	}
}

// consists says whether a text has 1 to most characters, all of them ASCII letters, digits
// or among the others.
func consists(text string, most int, others string) bool {
	return text != "" && len(text) <= most && !strings.ContainsFunc(text, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune(others, c)
	})
}

// quoted is a value in an error, of which no more is needed than shows what is meant.
func quoted(text string) string {
	const enough = 60
	if len(text) > enough {
		text = text[:enough] + "…"
	}
	return strconv.Quote(text)
}
