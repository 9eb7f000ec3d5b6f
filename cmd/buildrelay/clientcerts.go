package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"buildrelay/relay/clientcert"
	"buildrelay/relay/tlsfiles"
)

// clients say whose certificates will do.
type clients struct {
	api, operators *clientcert.Rule // nil where nobody needs one
}

// newClients loads what the settings name, and has watch look after it.
func newClients(c Config, watch func(...any)) (all clients, err error) {
	revoked, err := tlsfiles.LoadRevocations("client_revocations", c.ClientCRLFile)
	if err != nil {
		return all, wrong("CLIENT_CRL_FILE", err)
	}
	watch(revoked)
	if all.api, err = newClientRule("api_client_authorities", c.APIClientCAFile, c.APIClientNames, revoked, watch); err != nil {
		return all, wrong("API_CLIENT_CA_FILE", err)
	}
	all.operators, err = newClientRule("admin_client_authorities", c.AdminClientCAFile, c.AdminClientNames, revoked, watch)
	return all, wrong("ADMIN_CLIENT_CA_FILE", err)
}

// newClientRule returns nil where there are no authorities.
func newClientRule(use, caFile, names string, revoked *tlsfiles.Revocations, watch func(...any)) (*clientcert.Rule, error) {
	if caFile == "" {
		return nil, nil
	}
	authorities, err := tlsfiles.LoadAuthorities(use, caFile)
	if err != nil {
		return nil, err
	}
	watch(authorities)
	rule := &clientcert.Rule{Pool: authorities.Pool, Revoked: revoked.Lists, Now: time.Now}
	rule.Names, err = clientcert.ParseNames(names)
	return rule, err
}

// asking is a listener's config that asks for certificates, where there are any that will do.
func asking(config *tls.Config, rule *clientcert.Rule) *tls.Config {
	if config == nil || rule == nil {
		return config
	}
	return clientcert.Ask(config, rule.Pool)
}

// checkClients tells what is wrong with the settings for clients' certificates.
func (c *Config) checkClients() error {
	var errs []error
	vain := func(name, value, needs string, is bool) {
		if value != "" && !is {
			errs = append(errs, fmt.Errorf("%s%s is of no use without %s", prefix, name, needs))
		}
	}
	vain("API_CLIENT_CA_FILE", c.APIClientCAFile, "RELAY_TLS=on: who ends TLS sees the clients' certificates", bool(c.TLS))
	vain("API_CLIENT_NAMES", c.APIClientNames, "RELAY_API_CLIENT_CA_FILE", c.APIClientCAFile != "")
	vain("ADMIN_CLIENT_CA_FILE", c.AdminClientCAFile, "RELAY_METRICS_TLS=on", bool(c.MetricsTLS))
	vain("ADMIN_CLIENT_NAMES", c.AdminClientNames, "RELAY_ADMIN_CLIENT_CA_FILE", c.AdminClientCAFile != "")
	vain("CLIENT_CRL_FILE", c.ClientCRLFile, "RELAY_API_CLIENT_CA_FILE or RELAY_ADMIN_CLIENT_CA_FILE", c.APIClientCAFile+c.AdminClientCAFile != "")
	for name, text := range map[string]string{"API_CLIENT_NAMES": c.APIClientNames, "ADMIN_CLIENT_NAMES": c.AdminClientNames} {
		_, err := clientcert.ParseNames(text)
		errs = append(errs, wrong(name, err))
	}
	return errors.Join(errs...)
}

// apiCertificate returns what pipe and tail show to the HTTP API, as the files have it when it is
// called: a build may last longer than its certificate. It is nil for nothing.
func (c *Config) apiCertificate() (func() *tls.Certificate, error) {
	switch {
	case c.APIClientCertFile == "" && c.APIClientKeyFile == "":
		return nil, nil
	case c.APIClientCertFile == "" || c.APIClientKeyFile == "":
		return nil, errors.New("RELAY_API_CLIENT_CERT_FILE and RELAY_API_CLIENT_KEY_FILE must name a certificate and its key, both or none")
	}
	pair, err := tlsfiles.LoadPair("api_client", c.APIClientCertFile, c.APIClientKeyFile)
	if err != nil {
		return nil, wrong("API_CLIENT_CERT_FILE, RELAY_API_CLIENT_KEY_FILE", err)
	}
	return pair.Look, nil
}
