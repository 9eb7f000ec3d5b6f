package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"buildrelay/relay/checkup"
)

// lookAtTLS looks at what the settings say of TLS, and at the certificate that they name.
func (k *checking) lookAtTLS(context.Context) []checkup.Finding {
	found := []checkup.Finding{k.acknowledged()}
	address, secure := k.listens()
	switch {
	case !secure && isLoopback(address):
		return append(found, checkup.OK("tls", "a proxy on this machine has to end TLS: %s can be reached from here alone", address))
	case !secure:
		return append(found, checkup.Failed("tls", "set RELAY_TLS=on, or RELAY_LISTEN to a loopback address behind the proxy that ends TLS",
			"everybody on the network can read along: %s is served without TLS", address))
	case k.config.ACMEDirectory != "":
		return append(found, checkup.OK("tls", "certificates come from an ACME server"))
	}
	chain, err := k.listenerChain()
	if err != nil {
		k.bad["apps"] = true // without a certificate no node answers
		return append(found, checkup.Failed("tls", readConfig, "%v", err))
	}
	found = append(found, checkup.OK("tls", "TLS is on"))
	return append(found, checkup.Certificate("tls", checkup.Shown{Chain: chain, Roots: k.roots, Strict: k.roots != nil}, time.Now())...)
}

// listens is where the node listens, and whether by TLS.
func (k *checking) listens() (address string, secure bool) {
	if k.node != nil {
		return k.node.first.address, k.node.first.tls != nil
	}
	return k.config.Listen, bool(k.config.TLS)
}

// acknowledged tells that less security is allowed than is needed.
func (k *checking) acknowledged() checkup.Finding {
	address, secure := k.listens()
	if k.config.AcknowledgeInsecure && (secure || isLoopback(address)) && k.config.plainAuthHost() == "" {
		return checkup.Noted("insecure", "unset it", "RELAY_ACKNOWLEDGE_INSECURE is set, and nothing needs it")
	}
	return checkup.OK("insecure", "nothing insecure is allowed that is not told here")
}

// listenerChain is the certificate in the settings' files, with its chain; nil where there is none.
func (k *checking) listenerChain() ([]*x509.Certificate, error) {
	if _, secure := k.listens(); !secure || k.config.ACMEDirectory != "" {
		return nil, nil
	}
	if k.node != nil {
		return parseChain(k.node.first.shown.pair.Certificate())
	}
	shown, err := k.config.shown()
	if err != nil {
		return nil, err
	}
	return parseChain(shown.pair.Certificate())
}

func parseChain(pair *tls.Certificate) (chain []*x509.Certificate, err error) {
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// lookAtOperators looks at who sees what is for operators.
func (k *checking) lookAtOperators(context.Context) []checkup.Finding {
	c := &k.config
	const name = "operators"
	f := checkup.OK(name, "the listener for operators shows what it has to them alone")
	switch address := c.MetricsListen; {
	case address == "":
		f = checkup.Noted(name, "set RELAY_METRICS_LISTEN", "there is no listener for metrics")
	case isLoopback(address):
	case !c.guardsOperators():
		f = checkup.Failed(name, "set RELAY_ADMIN_TOKEN or RELAY_ADMIN_CLIENT_CA_FILE, or RELAY_METRICS_LISTEN to a loopback address",
			"whoever reaches %s sees the metrics", address)
	case !bool(c.MetricsTLS) && c.AdminToken != "":
		f = checkup.Failed(name, "set RELAY_METRICS_TLS=on", "operators show their token at %s without TLS", address)
	}
	return []checkup.Finding{f}
}

// onThisMachine is how this machine reaches an address to listen on.
func onThisMachine(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
