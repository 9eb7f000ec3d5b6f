package authorize

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

const (
	// usualRest is how long a token is not used with which too much was asked, where the host does
	// not say how long. GitHub wants a minute, and may ban who does not keep to it.
	usualRest = time.Minute
	// mostRest is the longest: by then GitHub's hour is over.
	mostRest = time.Hour
)

// errLimited is the error for a token with which nothing is to be asked now.
var errLimited = errors.New("too much was asked with this token, or from here: it rests")

// tooMuch finds what GitHub says, and in no header, of its secondary limits, and of too many tokens
// that it did not know.
var tooMuch = regexp.MustCompile(`(?i)rate limit|abuse|login attempts`)

// restOf is for how long a host says by an answer that it was asked too much; 0 where it does not.
// why is the body where the status is 403.
func restOf(response *http.Response, why []byte, now time.Time) time.Duration {
	after, used := response.Header.Get("Retry-After"), response.Header.Get("X-Ratelimit-Remaining") == "0"
	limited := response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusForbidden && (after != "" || used || tooMuch.Match(why))
	if !limited {
		return 0
	}
	rest := usualRest
	if seconds, err := strconv.ParseInt(after, 10, 32); err == nil {
		rest = time.Duration(seconds) * time.Second
	} else if at, err := strconv.ParseInt(response.Header.Get("X-Ratelimit-Reset"), 10, 64); err == nil && used {
		rest = time.Unix(at, 0).Sub(now)
	}
	return min(max(rest, time.Second), mostRest)
}
