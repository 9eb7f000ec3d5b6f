package main

import (
	"errors"
	"path/filepath"
	"strings"

	"buildrelay/relay/acme"
	"buildrelay/relay/tlsfiles"
)

// checkACME is for who has its certificates from an ACME server.
func (c *Config) checkACME() error {
	var errs []error
	if !c.TLS {
		errs = append(errs, errors.New("RELAY_ACME_DIRECTORY is of no use with RELAY_TLS=off"))
	}
	if c.TLSCertFile != "" || c.TLSKeyFile != "" {
		errs = append(errs, errors.New("RELAY_ACME_DIRECTORY and RELAY_TLS_CERT_FILE are both set: a certificate comes from one of them"))
	}
	if c.DataDir == "" {
		errs = append(errs, errors.New("RELAY_DATA_DIR is not set: certificates of RELAY_ACME_DIRECTORY are kept there, since an ACME server gives only so many"))
	}
	return errors.Join(append(errs, wrong("ACME_DIRECTORY", acme.CheckDirectory(c.ACMEDirectory)), wrong("ACME_HOSTS", acme.CheckHosts(c.acmeHosts())))...)
}

func (c *Config) acmeHosts() []string {
	var hosts []string
	for host := range strings.SplitSeq(c.ACMEHosts, ",") {
		if host = strings.TrimSpace(host); host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// acme returns what has certificates, and the authorities of the ACME server, nil for those of the
// system.
func (c *Config) acme() (*acme.Certificates, *tlsfiles.Authorities, error) {
	authorities, err := tlsfiles.LoadAuthorities("acme_authorities", c.ACMECAFile)
	if err != nil {
		return nil, nil, wrong("ACME_CA_FILE", err)
	}
	certificates, err := acme.New(acme.Config{
		Directory: c.ACMEDirectory, Hosts: c.acmeHosts(), Email: c.ACMEEmail, Roots: authorities.Pool,
		Folder: filepath.Join(c.DataDir, "acme"),
	})
	return certificates, authorities, wrong("DATA_DIR", err)
}
