package audit

import "time"

// Record is one thing that somebody did, or was refused (docs/PROTOCOL.md, "The audit
// trail"). As JSON it has all members, in this order.
type Record struct {
	// Action is lowercase ASCII words with dots between them, the entity first: what it is
	// says what Payload may hold.
	Action string `json:"action"`
	// Actor did it to Target; Scope is where: the app, or the organization.
	Actor  Entity `json:"actor"`
	Target Entity `json:"target"`
	// Payload becomes a JSON object; nil is an empty one. It holds no payload of an event, and
	// no secret.
	Payload any `json:"payload"`
	// OccurredAt is written in UTC, with up to nine decimals.
	OccurredAt time.Time         `json:"occurred_at"`
	Metadata   map[string]string `json:"metadata"`
	// ID is a UUID; the same record, told twice, has it twice.
	ID      string  `json:"id"`
	Version int     `json:"version"` // 1
	Scope   Entity  `json:"scope"`
	Success bool    `json:"success"`
	Request Request `json:"request"`
}

// Entity is somebody or something. Name may be empty, and is left out then.
type Entity struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

// Request is what a record came of: an HTTP request, or a connection by its socket id.
type Request struct {
	ID string `json:"id"`
}

// Entry is a record as it is kept: Line is its JSON, on one line and without its end, and the
// rest what it is looked for by.
type Entry struct {
	ID         string
	OccurredAt time.Time
	Action     string
	Actor      string // the id, as the next
	Target     string
	Line       []byte
}
