package outlet

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"buildrelay/auth"
)

const (
	// usualRegion is that of a server which does not care.
	usualRegion = "us-east-1"
	// mostPrefix leaves room for the rest of an object's name, which has at most 1,024 bytes.
	mostPrefix = 200
)

var errHost = errors.New("its host: HOST or HOST:PORT is allowed, with an IPv6 address in brackets")

// parseBucket reads ACCESS:SECRET@HOST[:PORT]/BUCKET[/PREFIX][?region=…&tls=off]. The keys end
// at the last @, so that those with a slash may be written as they are.
func parseBucket(text string) (Target, error) {
	t := Target{Kind: kindS3}
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return t, errors.New("its keys: ACCESS:SECRET@ is missing before the host")
	}
	if err := t.setKeys(text[:at]); err != nil {
		return t, err
	}
	place, query, _ := strings.Cut(text[at+1:], "?")
	host, path, _ := strings.Cut(place, "/")
	if !t.setHost(host) {
		return t, errHost
	}
	if err := t.setPlace(path); err != nil {
		return t, err
	}
	if err := t.setOptions(query); err != nil {
		return t, err
	}
	if _, err := t.client(nil); err != nil {
		return t, errHost
	}
	return t, nil
}

func (t *Target) setKeys(text string) error {
	escapedAccess, escapedSecret, _ := strings.Cut(text, ":")
	access, ok := unescape(escapedAccess)
	secret, alsoOK := unescape(escapedSecret)
	switch {
	case !ok || !alsoOK:
		return errors.New("its keys: a percent sign in one is written %25")
	case !isKey(access) || !isKey(secret):
		return errors.New("its keys: ACCESS:SECRET is allowed, both of printable ASCII and neither empty")
	}
	t.Access, t.Secret = auth.Secret(access), auth.Secret(secret)
	return nil
}

func isKey(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func (t *Target) setHost(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err == nil {
		t.Host = net.JoinHostPort(host, port)
		return isHost(host) && isPort(port)
	}
	host, port, err = net.SplitHostPort(text + ":443")
	if err != nil || !isHost(host) {
		return false
	}
	t.Host = strings.TrimSuffix(net.JoinHostPort(host, port), ":443")
	return true
}

func (t *Target) setPlace(path string) error {
	bucket, escaped, _ := strings.Cut(path, "/")
	if s3utils.CheckValidBucketName(bucket) != nil {
		return errors.New("its bucket: 3 to 63 lowercase letters, digits, dots and dashes are allowed")
	}
	prefix, ok := unescape(strings.Trim(escaped, "/"))
	if !ok || !isPrefix(prefix) {
		return errors.New("its prefix: words with slashes between are allowed, at most 200 bytes, with %25 for a percent sign")
	}
	t.Bucket, t.Prefix = bucket, prefix
	return nil
}

func isPrefix(text string) bool {
	if len(text) > mostPrefix || !utf8.ValidString(text) || strings.IndexFunc(text, unicode.IsControl) >= 0 {
		return false
	}
	for word := range strings.SplitSeq(text, "/") {
		if word == "." || word == ".." || word == "" && text != "" {
			return false
		}
	}
	return true
}

func (t *Target) setOptions(query string) error {
	options, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its options: ?region=…&tls=off is allowed")
	}
	for name, values := range options {
		switch {
		case name == "region" && len(values) == 1 && isRegion(values[0]):
			t.Region = values[0]
		case name == "region":
			return errors.New("its option region: letters, digits, dashes and underscores are allowed, once")
		case name == "tls" && len(values) == 1 && (values[0] == "off" || values[0] == "on"):
			t.Plain = values[0] == "off"
		case name == "tls":
			return errors.New("its option tls: on or off is allowed, once")
		default:
			return errors.New("its options: only region and tls are allowed")
		}
	}
	if t.Region == "" {
		t.Region = regionOf(t.Host)
	}
	return nil
}

func isRegion(text string) bool {
	return text != "" && len(text) <= 63 && !strings.Contains(text, ".") && isHost(text)
}

// regionOf is the region that a host's name says. It is never empty: to ask the server for it
// takes a right more.
func regionOf(host string) string {
	if region := s3utils.GetRegionFromURL(url.URL{Scheme: "https", Host: host}); region != "" {
		return region
	}
	return usualRegion
}
