package audit

import "time"

// Filter says which records are wanted. The zero value wants all.
type Filter struct {
	// Since and Until are the first time and the first one too late.
	Since, Until time.Time
	// Action is a whole action, or the beginning of some with ".*" behind it:
	// relay.subscription.*. Actor and Target are ids.
	Action, Actor, Target string
}
