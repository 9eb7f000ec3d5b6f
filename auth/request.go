package auth

import (
	"cmp"
	"crypto/md5" // the protocol's digest of a body; the HMAC covers it
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"buildrelay/protocol"
)

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
	// Cause says why in two words or three, for records: the message holds what was sent.
	Cause string
}

// Error returns the message.
func (e *RequestError) Error() string { return e.Message }

func unauthorized(cause, format string, args ...any) error {
	return &RequestError{http.StatusUnauthorized, fmt.Sprintf(format, args...), cause}
}

// CheckRequest returns a [*RequestError] unless [App.CheckHead] and [CheckBody] find
// nothing wrong.
func (a *App) CheckRequest(r Request, now time.Time) error {
	query, err := a.CheckHead(r, now)
	if err != nil {
		return err
	}
	return CheckBody(query, r.Body)
}

// CheckHead checks all of a request but its body, which need not have been read. It
// returns a [*RequestError] unless r is signed with one of the app's keys, and was made
// less than the limit of the app from now, else the parameters as they were signed, so
// that what is obeyed is what was signed: names in lower case, values of one name in
// order. Some senders sign the decoded path and some the raw one, and none agree on
// '+'; either reading will do.
//
// A nil app, which stands for an unknown id, refuses in the same way as an app that
// does not have the key, or has it revoked, and takes as long. What the key may do is for
// [Key.CheckRight].
func (a *App) CheckHead(r Request, now time.Time) (url.Values, error) {
	q, err := parseQuery(r.RawQuery, false)
	if err != nil {
		return nil, unauthorized("invalid query", "%s", err)
	}
	key, err := a.requestKey(q)
	if err != nil {
		_, _ = checkSignature("nobody's", r, q) // takes its time
		return nil, err
	}
	if err := checkVersion(q); err != nil {
		return nil, err
	}
	if err := a.checkTime(q, now); err != nil {
		return nil, err
	}
	signed, err := checkSignature(key.Secret, r, q)
	if err != nil {
		return nil, err
	}
	if a.Disabled {
		return nil, errDisabled()
	}
	return signed.values(), nil
}

// CheckAgain is for a call that goes on after [App.CheckHead]: it returns the key by which it was
// signed, as it is by now, or a [*RequestError] if the app, nil where it is gone, would not take
// the signature any more.
func (a *App) CheckAgain(signer *Key) (*Key, error) {
	key, err := a.namedKey(signer.Key)
	switch {
	case err != nil:
		return nil, err
	case key.Secret != signer.Secret:
		return nil, unauthorized("wrong signature", "Invalid signature: the key %s has another secret by now", key.Key)
	case a.Disabled:
		return nil, errDisabled()
	}
	return key, nil
}

func errDisabled() error {
	return &RequestError{http.StatusForbidden, "Application disabled", "app disabled"}
}

func (a *App) requestKey(q params) (*Key, error) {
	name := q.get("auth_key")
	if name == "" {
		return nil, unauthorized("no key", "Missing parameter: auth_key")
	}
	return a.namedKey(name)
}

func (a *App) namedKey(name string) (*Key, error) {
	key, ok := a.Key(name)
	if ok {
		return key, nil
	}
	cause := "unknown key"
	if key != nil {
		cause = CauseRevoked
	}
	return nil, unauthorized(cause, "Unknown auth_key")
}

func checkVersion(q params) error {
	switch q.get("auth_version") {
	case "1.0":
		return nil
	case "":
		return unauthorized("no version", "Version required")
	default:
		return unauthorized("unknown version", "Version not supported")
	}
}

// checkTime refuses a request whose clock is off by the app's limit, or by more.
func (a *App) checkTime(q params, now time.Time) error {
	maxSkew := int64(cmp.Or(a.Limits.ClockSkew, protocol.MaxClockSkew) / time.Second)
	stamp := q.get("auth_timestamp")
	if stamp == "" {
		return unauthorized("no timestamp", "Timestamp required")
	}
	seconds, err := strconv.ParseUint(stamp, 10, 63) // digits only: no sign, no exponent
	if err != nil {
		return unauthorized("invalid timestamp", "Timestamp invalid: must be in Unix seconds")
	}
	given := time.Unix(int64(seconds), 0)
	if skew := now.Unix() - given.Unix(); skew <= -maxSkew || skew >= maxSkew {
		return unauthorized("clock skew", "Timestamp expired: Given timestamp (%s) not within %ds of server time (%s)",
			given.UTC().Format(time.RFC3339), maxSkew, now.UTC().Format(time.RFC3339))
	}
	return nil
}

// Signer returns the app whose key a query names, whether it is signed or not; nil where
// there is none.
func (a *Apps) Signer(rawQuery string) *App {
	app, _ := a.ByKey(RequestKey(rawQuery))
	return app
}

// RequestKey returns the key that a query names, whether it is signed or not; "" where it
// names none.
func RequestKey(rawQuery string) string {
	q, err := parseQuery(rawQuery, false)
	if err != nil {
		return ""
	}
	return q.get("auth_key")
}

// checkSignature tries the readings of r that senders sign: with '+' as it is
// and as a space, with the decoded and with the raw path. It returns the parameters as
// the reading has them that was signed.
func checkSignature(s Secret, r Request, q params) (signed params, err error) {
	if strings.ContainsAny(r.Path, "\r\n") { // would be read as the end of the path
		return nil, unauthorized("invalid path", "Invalid path")
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
			return reading, nil
		}
	}
	return nil, unauthorized("wrong signature", "Invalid signature: you should have sent HmacSHA256Hex(%q, your_secret_key), but you sent %q",
		baseString(r.Method, r.Path, q), signature)
}

// CheckBody returns a [*RequestError] unless the body is the one that the parameters
// of its request name, as [App.CheckHead] returned them.
func CheckBody(query url.Values, body []byte) error {
	switch {
	case len(body) == 0 && !query.Has("body_md5"):
		return nil
	case !query.Has("body_md5"):
		return unauthorized("no body_md5", "Missing parameter: body_md5")
	case query.Get("body_md5") != bodyMD5(body):
		return unauthorized("wrong body_md5", "Invalid body_md5: it is not the MD5 of the body")
	}
	return nil
}

// bodyMD5 returns the digest of a request's body in lower-case hex.
func bodyMD5(body []byte) string {
	digest := md5.Sum(body)
	return hex.EncodeToString(digest[:])
}
