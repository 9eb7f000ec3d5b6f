package webhook

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	// requestTime is how long a request may take, with its answer.
	requestTime = 5 * time.Second
	// mostHeaders and mostBody are how many bytes of an answer are read.
	mostHeaders = 64 << 10
	mostBody    = 64 << 10
	// idleTime is how long a connection is kept that has nothing to do.
	idleTime = 15 * time.Second
	mostIdle = 256
)

// newClient returns a client that follows no redirect, asks no proxy, and connects to what
// gate lets it. A nil resolver is the system's.
func newClient(g *gate, resolver *net.Resolver) *http.Client {
	dialer := &net.Dialer{
		Timeout:  requestTime,
		Resolver: resolver,
		// The address is looked at where it is connected to: what a name meant a moment
		// before says nothing.
		Control: func(_, address string, _ syscall.RawConn) error { return g.checkDial(address) },
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // whatever the environment says
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: mostHeaders,
			MaxIdleConns:           mostIdle,
			MaxIdleConnsPerHost:    mostRequests,
			IdleConnTimeout:        idleTime,
			// Else a connection of HTTP/2 that is dead would be given every request.
			HTTP2: &http.HTTP2Config{SendPingTimeout: requestTime, PingTimeout: requestTime},
		},
	}
}

func (g *gate) checkDial(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return forbidden("not an address")
	}
	return g.check(to)
}
