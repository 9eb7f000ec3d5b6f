package authorize

import (
	"net/http"

	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
)

// noteRefused notes who was refused what, unless that is no matter of who may do what. Whom it
// lets in the relay notes when they subscribe.
func (h *Handler) noteRefused(r *http.Request, a asked, channel string, why *refusal) {
	if h.Auditor == nil {
		return
	}
	f := relay.Facts{Address: h.Address(r), Origin: r.Header.Get("Origin")}
	socketID, name := audit.Clean(a.socketID), audit.Clean(channel)
	record := audit.New(h.Now(), audit.ActionSigninRefuse, audit.SigninRefuse{
		SocketID: socketID, Code: why.status, Reason: why.outcome, Count: 1,
	})
	record.Scope = relay.ScopeOf(a.app.ID)
	record.Target = record.Scope
	if channel != "" {
		record.Action, record.Payload = audit.ActionSubscriptionDeny, audit.SubscriptionDeny{
			Channel: name, SocketID: socketID, Code: why.status, Reason: why.outcome, Count: 1,
		}
		record.Target = audit.Entity{ID: name, Type: "channel", Name: name}
	}
	record.Actor, record.Metadata, record.Success = audit.Entity{ID: f.IP(), Type: "address"}, f.Metadata(), false
	h.Auditor.Refused(record, why.outcome, f.IP())
}

func isPresence(channel string) bool { return protocol.KindOf(channel).Presence() }
