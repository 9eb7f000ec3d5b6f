package auth

import "fmt"

// Seal is whether the entries of an app's logs are sealed.
type Seal string

// The kinds of [Seal]. The zero value means off.
const (
	SealOff Seal = "off"
	// SealAcceptPlain seals what is published; what is in a log unsealed is shown, too.
	SealAcceptPlain Seal = "accept-plain"
	// SealRequired seals what is published; what is in a log unsealed is of somebody who has
	// not the key, and is not shown.
	SealRequired Seal = "required"
)

// UnmarshalText reads the name of one of them.
func (s *Seal) UnmarshalText(text []byte) error {
	switch as := Seal(text); as {
	case SealOff, SealAcceptPlain, SealRequired:
		*s = as
		return nil
	default:
		return fmt.Errorf("%q is none of off, accept-plain and required", text)
	}
}

// On says whether what is published is sealed.
func (s Seal) On() bool { return s != "" && s != SealOff }

// Seal returns whether the entries of an app's logs are sealed.
func (a *Apps) Seal(appID string) Seal {
	if app, ok := a.ByID(appID); ok {
		return app.Seal
	}
	return SealOff
}

// Sealing returns the id of an app whose logs are sealed; "" where there is none.
func (a *Apps) Sealing() string {
	for id, app := range a.set.Load().byID {
		if app.Seal.On() {
			return id
		}
	}
	return ""
}
