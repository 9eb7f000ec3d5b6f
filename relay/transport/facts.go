package transport

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
	"buildrelay/relay/clientaddr"
)

// sockJS is a transport as records name it, beside streaming and polling.
const (
	sockJS    = "sockjs"
	webSocket = "websocket"
)

// applicant is who wants a connection to the app of a key, for records; nil where none are
// kept.
type applicant struct {
	key string
	relay.Facts
}

// applicant is who sent a request. Nothing of it keeps the request.
func (e *Entrance) applicant(r *http.Request, transport string) *applicant {
	if e.Auditor == nil {
		return nil
	}
	who := &applicant{key: strings.Clone(audit.Clean(r.PathValue("key")))}
	who.Address, who.Transport = e.Admission.address(r), transport
	who.Origin = strings.Clone(audit.Clean(r.Header.Get("Origin")))
	who.Protocol = version(r.URL.RawQuery)
	if r.TLS != nil {
		who.TLS = tls.VersionName(r.TLS.Version)
	}
	return who
}

// asks is the same client, which says only now to which app it wants, and how.
func (a *applicant) asks(key, parameters string) *applicant {
	if a == nil {
		return nil
	}
	who := *a
	who.key, who.Protocol = strings.Clone(audit.Clean(key)), version(parameters)
	return &who
}

func (a *applicant) facts() relay.Facts {
	if a == nil {
		return relay.Facts{}
	}
	return a.Facts
}

// version is the protocol that a client asks for; 0 where that is no number.
func version(parameters string) int {
	query, err := url.ParseQuery(parameters)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(query.Get("protocol"))
	return n
}

// address is whom a request is from: a nil Admission believes no proxies.
func (a *Admission) address(r *http.Request) netip.Addr {
	if a == nil {
		return clientaddr.Proxies(nil).Of(r)
	}
	return a.config.Address(r)
}

// noteRefused notes a client that has no connection.
func (e *Entrance) noteRefused(why *protocol.Close, who *applicant) {
	if who == nil {
		return
	}
	f := who.Facts
	r := audit.New(time.Now(), audit.ActionConnectionRefuse, nil)
	if app, ok := e.Apps.ByKey(who.key); ok {
		r.Scope = relay.ScopeOf(app.ID)
	}
	reason, kind := why.Reason, sample(why)
	if kind == unknownKey && r.Scope.ID != "" {
		reason, kind = auth.CauseRevoked, auth.CauseRevoked // which the client is not told
	}
	r.Payload = audit.ConnectionRefuse{
		App: r.Scope.ID, Origin: f.Origin, IP: f.IP(), TLS: f.TLS, Protocol: f.Protocol, Transport: f.Transport,
		Code: why.Code, Reason: audit.Clean(reason), Count: 1,
	}
	r.Actor = audit.Entity{ID: f.IP(), Type: "address"}
	r.Target = audit.Entity{ID: who.key, Type: "key"}
	r.Metadata, r.Request.ID, r.Success = f.Metadata(), r.ID, false
	e.Auditor.Refused(r, kind, f.IP())
}

const unknownKey = "unknown key"

// sample is what refusals have in common that are sampled together: not the key, which
// anybody may make up.
func sample(why *protocol.Close) string {
	if unknown := protocol.ErrUnknownKey(""); why.Code == unknown.Code {
		return unknownKey
	}
	return why.Reason
}
