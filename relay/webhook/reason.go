package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
)

// statusError is the status of an answer that is none of 2xx.
type statusError int

func (e statusError) Error() string { return "status " + strconv.Itoa(int(e)) }

// reason says, for the log, why a request failed. What an error says itself may hold the
// URL, or what was answered.
func reason(err error) string {
	var (
		status      statusError
		refusal     forbidden
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
		timeout     interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &status):
		return status.Error()
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &certificate):
		return "certificate"
	case errors.As(err, &name):
		return "unknown name"
	}
	return "connection"
}
