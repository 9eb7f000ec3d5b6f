package auth

import (
	"crypto/md5" // the protocol's digest of a body; the HMAC covers it
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far, in seconds, a request's clock may be from ours; a request
// that is off by just that much is refused.
const maxSkew = 600

// Request is an HTTP API request as far as its signature goes.
type Request struct {
	Method   string
	Path     string // decoded, as in [net/url.URL.Path]
	RawPath  string // as sent; "" if it is the same
	RawQuery string
	Body     []byte // the whole of it
}

// RequestError refuses an HTTP API request. Its message is meant for the sender
// and holds no secret: the string to sign is what the sender sent.
type RequestError struct {
	Status  int // of the HTTP reply
	Message string
}

// Error returns the message.
func (e *RequestError) Error() string { return e.Message }

func unauthorized(format string, args ...any) error {
	return &RequestError{http.StatusUnauthorized, fmt.Sprintf(format, args...)}
}

// CheckRequest returns a [*RequestError] unless r is signed with one of the
// app's keys, was made less than 600 s from now, and has the body it says. Some
// senders sign the decoded path and some the raw one, and none agree on '+';
// either reading will do.
//
// A nil app, which stands for an unknown id, refuses in the same way as an app
// that does not have the key.
func (a *App) CheckRequest(r Request, now time.Time) error {
	q, err := parseQuery(r.RawQuery, false)
	if err != nil {
		return unauthorized("%s", err)
	}
	key, err := a.requestKey(q)
	if err != nil {
		return err
	}
	if err := checkVersion(q); err != nil {
		return err
	}
	if err := checkTime(q, now); err != nil {
		return err
	}
	if err := checkSignature(key.Secret, r, q); err != nil {
		return err
	}
	if err := checkBody(q, r.Body); err != nil {
		return err
	}
	if a.Disabled {
		return &RequestError{http.StatusForbidden, "Application disabled"}
	}
	return nil
}

func (a *App) requestKey(q params) (Key, error) {
	name := q.get("auth_key")
	if name == "" {
		return Key{}, unauthorized("Missing parameter: auth_key")
	}
	key, ok := a.findKey(name)
	if !ok {
		return Key{}, unauthorized("Unknown auth_key")
	}
	return key, nil
}

func checkVersion(q params) error {
	switch q.get("auth_version") {
	case "1.0":
		return nil
	case "":
		return unauthorized("Version required")
	default:
		return unauthorized("Version not supported")
	}
}

func checkTime(q params, now time.Time) error {
	stamp := q.get("auth_timestamp")
	if stamp == "" {
		return unauthorized("Timestamp required")
	}
	seconds, err := strconv.ParseUint(stamp, 10, 63) // digits only: no sign, no exponent
	if err != nil {
		return unauthorized("Timestamp invalid: must be in Unix seconds")
	}
	given := time.Unix(int64(seconds), 0)
	if skew := now.Unix() - given.Unix(); skew <= -maxSkew || skew >= maxSkew {
		return unauthorized("Timestamp expired: Given timestamp (%s) not within %ds of server time (%s)",
			given.UTC().Format(time.RFC3339), maxSkew, now.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkSignature tries the readings of r that senders sign: with '+' as it is
// and as a space, with the decoded and with the raw path.
func checkSignature(s Secret, r Request, q params) error {
	if strings.ContainsAny(r.Path, "\r\n") { // would be read as the end of the path
		return unauthorized("Invalid path")
	}
	readings := []params{q}
	if strings.Contains(r.RawQuery, "+") {
		if spaced, err := parseQuery(r.RawQuery, true); err == nil {
			readings = append(readings, spaced)
		}
	}
	signature := q.get("auth_signature")
	for _, reading := range readings {
		if verify(s, baseString(r.Method, r.Path, reading), signature) ||
			r.RawPath != "" && verify(s, baseString(r.Method, r.RawPath, reading), signature) {
			return nil
		}
	}
	return unauthorized("Invalid signature: you should have sent HmacSHA256Hex(%q, your_secret_key), but you sent %q",
		baseString(r.Method, r.Path, q), signature)
}

func checkBody(q params, body []byte) error {
	switch {
	case len(body) == 0 && !q.has("body_md5"):
		return nil
	case !q.has("body_md5"):
		return unauthorized("Missing parameter: body_md5")
	case q.get("body_md5") != bodyMD5(body):
		return unauthorized("Invalid body_md5: it is not the MD5 of the body")
	}
	return nil
}

// bodyMD5 returns the digest of a request's body in lower-case hex.
func bodyMD5(body []byte) string {
	digest := md5.Sum(body)
	return hex.EncodeToString(digest[:])
}
