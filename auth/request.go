package auth

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far a request's timestamp may be off; at this it is refused.
const maxSkew = 600 // seconds

// Request is what the signature of an HTTP API request covers.
type Request struct {
	Method   string
	Path     string // decoded
	RawPath  string // as sent
	RawQuery string
	Body     []byte // whole
}

// RequestError refuses an HTTP API request.
type RequestError struct {
	Status  int    // of the HTTP reply
	Message string // its text; holds no secret
}

// Error returns the message.
func (e *RequestError) Error() string { return e.Message }

func unauthorized(format string, args ...any) *RequestError {
	return &RequestError{http.StatusUnauthorized, fmt.Sprintf(format, args...)}
}

// CheckRequest returns a *RequestError unless r is signed by one of the app's
// keys, within 600 s of now, and with the MD5 of its body. A nil app, the app
// of an unknown id, refuses like one that does not know the key.
func (a *App) CheckRequest(r Request, now time.Time) error {
	params, err := parseQuery(r.RawQuery, false)
	if err != nil {
		return unauthorized("%s", err)
	}
	name := value(params, "auth_key")
	if name == "" {
		return unauthorized("Missing parameter: auth_key")
	}
	key, ok := a.findKey(name)
	if !ok {
		return unauthorized("Unknown auth_key")
	}
	if err := checkVersion(params); err != nil {
		return err
	}
	if err := checkTime(params, now); err != nil {
		return err
	}
	if err := checkSignature(key, r, params); err != nil {
		return err
	}
	if err := checkBody(params, r.Body); err != nil {
		return err
	}
	return nil
}

func checkVersion(params []param) error {
	switch value(params, "auth_version") {
	case "1.0":
		return nil
	case "":
		return unauthorized("Version required")
	default:
		return unauthorized("Version not supported")
	}
}

func checkTime(params []param, now time.Time) error {
	stamp := value(params, "auth_timestamp")
	seconds, err := strconv.ParseUint(stamp, 10, 63)
	if err != nil {
		return unauthorized("Timestamp required")
	}
	given := time.Unix(int64(seconds), 0)
	if diff := now.Unix() - given.Unix(); diff <= -maxSkew || diff >= maxSkew {
		return unauthorized("Timestamp expired: Given timestamp (%s) not within %ds of server time (%s)",
			given.UTC().Format(time.RFC3339), maxSkew, now.UTC().Format(time.RFC3339))
	}
	return nil
}

func checkSignature(key Key, r Request, params []param) error {
	got := value(params, "auth_signature")
	for _, path := range []string{r.Path, r.RawPath} {
		if verify(key.Secret, baseString(r.Method, path, params), got) {
			return nil
		}
	}
	return unauthorized("Invalid signature: you should have sent HmacSHA256Hex(%q, your_secret_key), but you sent %q",
		baseString(r.Method, r.Path, params), got)
}

func checkBody(params []param, body []byte) error {
	got := value(params, "body_md5")
	if len(body) == 0 && got == "" {
		return nil
	}
	if got != bodyMD5(body) {
		return unauthorized("Invalid body_md5")
	}
	return nil
}

func bodyMD5(body []byte) string {
	sum := md5.Sum(body)
	return hex.EncodeToString(sum[:])
}

// SignRequest returns the query of a signed request: the parameters of query
// and those of the signature. path is decoded and without query.
func SignRequest(k Key, method, path string, query url.Values, body []byte, now time.Time) (rawQuery string) {
	signed := url.Values{}
	for name, values := range query {
		signed[name] = values
	}
	signed.Set("auth_key", k.Key)
	signed.Set("auth_timestamp", strconv.FormatInt(now.Unix(), 10))
	signed.Set("auth_version", "1.0")
	if len(body) > 0 {
		signed.Set("body_md5", bodyMD5(body))
	}
	raw := strings.ReplaceAll(signed.Encode(), "+", "%20")
	params, _ := parseQuery(raw, false)
	signature := hex.EncodeToString(sum(k.Secret, baseString(method, path, params)))
	return raw + "&auth_signature=" + signature
}
