package audit

import "time"

// ConnectionOpen is the payload of relay.connection.open.
type ConnectionOpen struct {
	App       string `json:"app"`
	Origin    string `json:"origin"` // empty where the client named none
	IP        string `json:"ip"`
	TLS       string `json:"tls"` // the version, "TLS 1.3"; empty without TLS
	Protocol  int    `json:"protocol"`
	Transport string `json:"transport"`
}

// ConnectionRefuse is the payload of relay.connection.refuse.
type ConnectionRefuse struct {
	App       string `json:"app"` // empty where the client named none that there is
	Origin    string `json:"origin"`
	IP        string `json:"ip"`
	TLS       string `json:"tls"`
	Protocol  int    `json:"protocol"`
	Transport string `json:"transport"`
	Code      int    `json:"code"`
	Reason    string `json:"reason"`
	Count     int    `json:"count"` // how many the record stands for, as everywhere below
}

// ConnectionClose is the payload of relay.connection.close.
type ConnectionClose struct {
	App          string  `json:"app"`
	IP           string  `json:"ip"`
	Code         int     `json:"code"` // 0: the client went without one
	Reason       string  `json:"reason"`
	Seconds      float64 `json:"seconds"`
	BytesSent    int64   `json:"bytes_sent"`
	MessagesSent int64   `json:"messages_sent"`
	Dropped      int64   `json:"dropped"` // messages that the client was told it lost
}

// Signin is the payload of relay.connection.signin.
type Signin struct {
	User string `json:"user"` // the id
	IP   string `json:"ip"`
}

// SigninRefuse is the payload of relay.connection.signin_refuse.
type SigninRefuse struct {
	SocketID string `json:"socket_id"`
	Code     int    `json:"code"`
	Reason   string `json:"reason"`
	Count    int    `json:"count"`
}

// SubscriptionGrant is the payload of relay.subscription.grant.
type SubscriptionGrant struct {
	Channel  string `json:"channel"`
	SocketID string `json:"socket_id"`
	From     string `json:"from"` // the position it reads from; empty: from now on
}

// SubscriptionDeny is the payload of relay.subscription.deny.
type SubscriptionDeny struct {
	Channel  string `json:"channel"`
	SocketID string `json:"socket_id"`
	Code     int    `json:"code"`
	Reason   string `json:"reason"`
	Count    int    `json:"count"`
}

// SubscriptionEnd is the payload of relay.subscription.end.
type SubscriptionEnd struct {
	Channel  string  `json:"channel"`
	SocketID string  `json:"socket_id"`
	Seconds  float64 `json:"seconds"`
	Position string  `json:"position"` // behind the last entry it was sent; empty outside logs
}

// PublishDeny is the payload of relay.publish.deny.
type PublishDeny struct {
	Key    string `json:"key"` // as the caller named it
	Status int    `json:"status"`
	Reason string `json:"reason"`
	Bytes  int64  `json:"bytes"`
	Count  int    `json:"count"`
}

// PublishSummary is the payload of relay.publish.summary: what was published since the one
// before.
type PublishSummary struct {
	Channel  string `json:"channel"`
	Messages int64  `json:"messages"`
	Bytes    int64  `json:"bytes"`
}

// Terminate is the payload of relay.user.terminate and relay.connection.terminate: whose
// connections were ended.
type Terminate struct {
	User        string `json:"user"`
	SocketID    string `json:"socket_id,omitempty"`
	Connections int    `json:"connections,omitempty"` // how many, where that is known
}

// WebhookFail is the payload of relay.webhook.fail: events that a target was not told.
type WebhookFail struct {
	Host     string `json:"host"`
	Attempts int    `json:"attempts"`
	Events   int    `json:"events"`
	Reason   string `json:"reason"`
}

// ConfigReload is the payload of relay.config.reload. Before and After are hashes of the
// whole, Changed the names of what differs.
type ConfigReload struct {
	Before  string   `json:"before"`
	After   string   `json:"after"`
	Changed []string `json:"changed"`
}

// TLSReload is the payload of relay.tls.reload: what is shown to others over TLS, or others
// are believed by, was replaced, or was to be and is bad. Before and After are SHA-256s.
type TLSReload struct {
	Use     string    `json:"use"` // what it is for: the label of the metrics
	Before  string    `json:"before"`
	After   string    `json:"after"`
	Expires time.Time `json:"expires"` // what is in force now; year 1 for never
	Reason  string    `json:"reason"`  // why it was refused
}

// SealingReload is the payload of relay.sealing.reload: the keys that logs and secrets are
// sealed with have changed, or were to and the file is bad. All are ids.
type SealingReload struct {
	Before []string `json:"before"`
	After  []string `json:"after"`
	Seals  string   `json:"seals"`  // the one that seals now
	Reason string   `json:"reason"` // why the file was refused
}

// AuthorizationRevoke is the payload of relay.authorization.revoke: what was decided of a user, of
// channels, or of a user on channels counts no more. Both are empty where the call was refused.
type AuthorizationRevoke struct {
	User    string `json:"user"`
	Channel string `json:"channel"` // a name or a pattern
}

// KeyRevoke is the payload of relay.key.revoke: from now on the node refuses a key that it took
// before.
type KeyRevoke struct {
	App string `json:"app"`
	Key string `json:"key"`
}

// KeyRefuse is the payload of relay.key.refuse: a call that only asks, by a key that is revoked,
// or has no right to.
type KeyRefuse struct {
	App    string `json:"app"`
	Key    string `json:"key"`
	Use    string `json:"use"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// MaskRegister is the payload of relay.mask.register: values are masked from now on, or none any
// more where Count is 0. No record has a value.
type MaskRegister struct {
	Channel string `json:"channel"` // empty: the whole app
	Count   int    `json:"count"`   // of values
	Until   string `json:"until"`   // RFC 3339; empty where Count is 0
}

// MaskHit is the payload of relay.mask.hit: values, or what looks like a token, were masked.
type MaskHit struct {
	Channel string `json:"channel"`
	Kind    string `json:"kind"`  // "value", or the kind of token
	Place   string `json:"place"` // publish, delivery or history
	Count   int64  `json:"count"` // since the one before
}

// AdminDenied is the payload of relay.admin.denied.
type AdminDenied struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// AuditRead is the payload of relay.audit.read and relay.audit.export: what was asked for. It
// is recorded before anything is read.
type AuditRead struct {
	Query map[string]string `json:"query"` // Filter.Query
}

// AuditGap is the payload of relay.audit.gap: records that could not be kept.
type AuditGap struct {
	Count  int64     `json:"count"`
	From   time.Time `json:"from"` // in UTC, as all times in payloads
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// AuditVerify is the payload of relay.audit.verify.
type AuditVerify struct {
	OK       bool  `json:"ok"`
	Records  int64 `json:"records"`
	Problems int64 `json:"problems"`
}

// AuditPurge is the payload of relay.audit.purge: how many records from before a time are
// gone, of how many chains.
type AuditPurge struct {
	Count  int64     `json:"count"`
	Before time.Time `json:"before"`
	Chains int       `json:"chains"`
}

// AuditRefuse is the payload of relay.audit.refuse: a report that was refused.
type AuditRefuse struct {
	Reason string `json:"reason"`
	Bytes  int    `json:"bytes"`
	Count  int    `json:"count"`
}

// Server is the payload of relay.server.start and relay.server.stop.
type Server struct {
	Node    string `json:"node"`    // the name of the node's chain
	Version string `json:"version"` // of the program
	Address string `json:"address"` // where it listens; empty at the stop
}

// ServerInsecure is the payload of relay.server.insecure: a setting that no production
// should have, and what is wrong with it.
type ServerInsecure struct {
	Setting string `json:"setting"`
	Reason  string `json:"reason"`
}
