package relay

import (
	"context"
	"net/netip"

	"buildrelay/relay/audit"
)

// Auditor keeps records of what becomes of connections and of subscriptions to private,
// presence and encrypted channels.
type Auditor interface {
	// Note takes a record. It never blocks, and calls nothing back.
	Note(r audit.Record)
	// Confirm takes a record that has to be kept before what it tells may happen, and waits
	// for that where the trail is strict. After an error it must not happen.
	Confirm(ctx context.Context, r audit.Record) error
	// Refused is Note for what anybody can make happen as often as they like: those of one
	// action, reason and client's address are sampled. An address that is not known is "".
	Refused(r audit.Record, reason, address string)
}

// Facts are what records say of a client: what its transport knows.
type Facts struct {
	// Address is whom the client is, through the proxies that are believed; zero where that
	// is not known.
	Address   netip.Addr
	Origin    string // the page's; "" where the client named none
	TLS       string // the version; "" where the relay itself speaks none
	Protocol  int    // as the client asked for it; 0 where it did not
	Transport string
}

// IP is the address as records have it.
func (f Facts) IP() string {
	if !f.Address.IsValid() {
		return ""
	}
	return f.Address.String()
}

// Metadata is what a record has beside its own. The map is the caller's.
func (f Facts) Metadata() map[string]string {
	known := make(map[string]string, 2)
	if ip := f.IP(); ip != "" {
		known["ip"] = ip
	}
	if f.Origin != "" {
		known["origin"] = audit.Clean(f.Origin)
	}
	return known
}

// ScopeOf is the app as records have it.
func ScopeOf(appID string) audit.Entity { return audit.Entity{ID: appID, Type: "app"} }
