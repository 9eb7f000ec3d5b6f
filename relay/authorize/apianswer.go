package authorize

import (
	"fmt"
	"mime"
	"net/http"
	"regexp"
)

// whyForbidden is the body of a 403, by which it is told what is meant.
func whyForbidden(response *http.Response) ([]byte, error) {
	if response.StatusCode != http.StatusForbidden {
		return nil, nil
	}
	return readAnswer(response.Body, mostSpared)
}

// checkAPI tells the API's yes and no by status, and by the body of a 403. A no counts where it is in
// JSON, as the API's are: a page that a proxy made for people, or another server at this address, knows
// nothing of tokens.
func checkAPI(response *http.Response, why []byte) error {
	status := response.StatusCode
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fmt.Errorf("the answer of status %d is not JSON: it is none of an API", status)
	}
	switch {
	case status == http.StatusForbidden && ofMachine.Match(why):
		return errMachine
	case status == http.StatusUnauthorized:
		return errStranger
	}
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusMovedPermanently, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnavailableForLegalReasons:
		return fmt.Errorf("%w: status %d", ErrDenied, status)
	default:
		return fmt.Errorf("the answer has status %d, which is neither 200 nor one of 301, 401, 403, 404, 410 and 451", status)
	}
}

// ofMachine finds what GitHub says to the token of an app or a job that asks for what only users have.
var ofMachine = regexp.MustCompile(`(?i)resource not accessible by integration`)

// The API's no to such a token, and to one that it does not know.
var (
	errMachine  = fmt.Errorf("%w: the token is a machine's", ErrDenied)
	errStranger = fmt.Errorf("%w: the API does not know the token", ErrDenied)
)
