package outlet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"

	"buildrelay/auth"
)

// The kinds of targets, as metrics and cursors have them.
const (
	kindStdout    = "stdout"
	kindSyslogUDP = "syslog+udp"
	kindSyslogTCP = "syslog+tcp"
	kindSyslogTLS = "syslog+tls"
	kindS3        = "s3"
)

// Target is where the trail goes, by [Parse].
type Target struct {
	// Kind is the word that the setting begins with.
	Kind string
	// Host has a port, but for a bucket at the usual one.
	Host string

	// Of a bucket alone.

	// Access and Secret are the keys that it is written with.
	Access, Secret auth.Secret
	// Prefix has no slash at its ends; it may be empty.
	Bucket, Prefix string
	Region         string
	// Plain is without TLS.
	Plain bool
}

// String names the target, without its keys.
func (t Target) String() string {
	switch {
	case t.Kind == kindStdout:
		return kindStdout
	case t.Kind != kindS3:
		return t.Kind + "://" + t.Host
	case t.Prefix == "":
		return fmt.Sprintf("s3://%s/%s", t.Host, t.Bucket)
	}
	return fmt.Sprintf("s3://%s/%s/%s", t.Host, t.Bucket, t.Prefix)
}

// LogValue names the target.
func (t Target) LogValue() slog.Value { return slog.StringValue(t.String()) }

// cursor names the target's cursor. Keys can be replaced, and it stays the same.
func (t Target) cursor() string {
	sum := sha256.Sum256([]byte(t.String()))
	return t.Kind + "-" + hex.EncodeToString(sum[:8])
}
