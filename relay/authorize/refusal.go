package authorize

import (
	"errors"
	"net/http"
)

// What becomes of requests, as metrics and records have it.
const (
	outcomeGranted   = "granted"
	outcomeDenied    = "denied"    // the decider says no
	outcomeUndecided = "undecided" // it says nothing, or nothing that makes sense
	outcomePattern   = "pattern"   // no pattern has the channel's name
	outcomeKind      = "kind"      // channels of this kind are not signed here
	outcomeCrossSite = "cross_site"
	outcomeApp       = "app"       // it is none that is signed for
	outcomeAnonymous = "anonymous" // nothing shows who asks
	outcomeBusy      = "busy"      // too many questions of the address are under way or show unknown tokens, or the issuer was asked just now
	outcomeInvalid   = "invalid"
)

// refusal is why a client gets no signature, and what it is told of that.
type refusal struct {
	status  int
	outcome string
	message string
}

func (r *refusal) Error() string { return r.message }

func invalid(message string) error {
	return &refusal{http.StatusBadRequest, outcomeInvalid, message}
}

// refusalOf is what a client is told of an error. What it is not for remains between the relay
// and whoever decides.
func refusalOf(err error) *refusal {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, ErrDenied):
		return &refusal{http.StatusForbidden, outcomeDenied, "you may not"}
	default:
		return &refusal{http.StatusServiceUnavailable, outcomeUndecided, "it could not be found out whether you may, try again"}
	}
}

// outcomeOf is what a decider's answer comes to; err may be nil.
func outcomeOf(err error) string {
	if err == nil {
		return outcomeGranted
	}
	return refusalOf(err).outcome
}
