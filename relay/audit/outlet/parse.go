package outlet

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const kindsText = "stdout, syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT, syslog+tls://HOST:PORT or s3://ACCESS:SECRET@HOST/BUCKET"

// Parse reads a setting: targets with commas or line ends between them. An empty one is no
// target. Its errors name the target by its place and what is wrong of it, and repeat nothing
// of the text: any part of it may be a secret in the wrong place.
func Parse(text string) ([]Target, error) {
	var targets []Target
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		target, err := parseTarget(part)
		if err != nil {
			return nil, fmt.Errorf("target %d: %w", len(targets)+1, err)
		}
		for i, earlier := range targets {
			if earlier.cursor() == target.cursor() {
				return nil, fmt.Errorf("target %d is the same as target %d", len(targets)+1, i+1)
			}
		}
		targets = append(targets, target)
	}
	return targets, nil
}

func parseTarget(text string) (Target, error) {
	kind, rest, slashes := strings.Cut(text, "://")
	switch kind {
	case kindStdout:
		if slashes {
			return Target{}, errors.New("after stdout nothing is allowed")
		}
		return Target{Kind: kind}, nil
	case kindSyslogUDP, kindSyslogTCP, kindSyslogTLS:
		if !slashes {
			return Target{}, fmt.Errorf("its address: %s://HOST:PORT is allowed", kind)
		}
		return parseSyslog(kind, rest)
	case kindS3:
		return parseBucket(rest)
	}
	return Target{}, fmt.Errorf("its kind: %s is allowed", kindsText)
}

func parseSyslog(kind, rest string) (Target, error) {
	host, port, err := net.SplitHostPort(rest)
	if err != nil || !isHost(host) {
		return Target{}, fmt.Errorf("its host: %s://HOST:PORT is allowed, with an IPv6 address in brackets and nothing behind the port", kind)
	}
	if !isPort(port) {
		return Target{}, errors.New("its port: 1 to 65535 is allowed, and nothing behind it")
	}
	return Target{Kind: kind, Host: net.JoinHostPort(host, port)}, nil
}

// isHost reports whether text may be a name or an address, without brackets.
func isHost(text string) bool {
	if net.ParseIP(text) != nil {
		return true
	}
	if text == "" || len(text) > 253 || strings.Trim(text, ".-") == "" {
		return false
	}
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0 && text[0] != '0'
}

// unescape decodes percent signs. What is wrong it does not say.
func unescape(text string) (plain string, ok bool) {
	plain, err := url.PathUnescape(text)
	return plain, err == nil
}
