package outlet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// Errors of a syslog server.
var (
	errCut  = errors.New("the connection was cut")
	errKept = errors.New("the server does not end the connection after all was sent, so it may not have read it")
)

// reason says, for the log, why a target did not take something, in words that do not change
// from try to try. What an error says itself may hold what a server answered.
func reason(err error) string {
	var (
		source    sourceError
		answer    minio.ErrorResponse
		name      *net.DNSError
		plain     tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   *tls.CertificateVerificationError
		timeout   interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &source):
		return "database"
	case errors.As(err, &answer):
		return strings.TrimSpace(fmt.Sprintf("status %d %s", answer.StatusCode, word(answer.Code)))
	case errors.Is(err, errKept), errors.Is(err, errCut):
		return err.Error()
	case errors.As(err, &name):
		return "unknown name"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return "the server speaks no TLS"
	case errors.As(err, &authority):
		return "the certificate is of an unknown authority"
	case errors.As(err, &host):
		return "the certificate is for another name"
	case errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "the time was up"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errCut.Error()
	}
	return "connection"
}

// word returns a text if it is one short word, as the codes of S3 are.
func word(text string) string {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	if len(text) > 40 {
		return ""
	}
	return text
}
