package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// Explain adds to an error of a connection what may be done about it, where it comes of TLS.
func (s *Servers) Explain(err error) error {
	if hint := s.tls.hint(err); hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

func (t *TLS) hint(err error) string {
	var (
		record  tls.RecordHeaderError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &record):
		return "Redis speaks no TLS at this port: RELAY_REDIS_URL begins with rediss for one that does"
	case errors.As(err, &unknown):
		return "RELAY_REDIS_CA_FILE names the authorities that count, else those of the system do"
	}
	// What the other side says has no type.
	_, alert, said := strings.Cut(err.Error(), "remote error: tls: ")
	switch broken := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE); {
	case (said || broken) && t != nil && t.asked.Load():
		// By TLS 1.3 that comes after the handshake, and its words may be lost.
		return "Redis asks for a certificate: RELAY_REDIS_CERT_FILE and RELAY_REDIS_KEY_FILE name it"
	case said && strings.Contains(alert, "certificate"):
		return "Redis does not take the certificate of RELAY_REDIS_CERT_FILE"
	default:
		return ""
	}
}
