package main

import (
	"fmt"
	"strconv"
	"strings"
)

// Switch is a setting that is on or off.
type Switch bool

// UnmarshalText reads "on" or "off".
func (s *Switch) UnmarshalText(text []byte) error {
	switch string(text) {
	case "on":
		*s = true
	case "off":
		*s = false
	default:
		return fmt.Errorf("%q is neither on nor off", text)
	}
	return nil
}

// SlangerMode is the setting for Slanger's Redis contract.
type SlangerMode string

// UnmarshalText reads "off", "on" or "any".
func (m *SlangerMode) UnmarshalText(text []byte) error {
	switch mode := SlangerMode(text); mode {
	case "off", "on", "any":
		*m = mode
		return nil
	default:
		return fmt.Errorf("%q is none of off, on and any", text)
	}
}

// Bytes is a setting for an amount of memory.
type Bytes int64

// UnmarshalText reads a whole number of bytes, or of KiB, MiB or GiB with that
// unit behind it.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = rest, factor
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > 1<<40/unit {
		return fmt.Errorf("%q is no amount of memory such as 1048576, 512KiB, 64MiB or 1GiB", text)
	}
	*b = Bytes(n * unit)
	return nil
}
