package api

import (
	"crypto/tls"
	"net/http"

	"buildrelay/relay/clientcert"
)

// checkClient refuses who shows no certificate that will do, where callers need one. That
// counts as a wrong signature does.
func (a *API) checkClient(r *http.Request) error {
	err := a.checkShown(r.TLS)
	if err != nil {
		a.refused(r)
	}
	return err
}

// checkShown refuses a connection at whose other end no certificate was shown that will do now.
func (a *API) checkShown(state *tls.ConnectionState) error {
	if a.Clients == nil {
		return nil
	}
	_, refused := a.Clients.Check(state)
	if refused == nil {
		return nil
	}
	status := http.StatusForbidden
	if refused.Cause == clientcert.NoCertificate {
		status = http.StatusUnauthorized
	}
	return &failure{status: status, message: "the HTTP API needs a client certificate beside the signature: " + refused.Text, cause: refused.Cause}
}
