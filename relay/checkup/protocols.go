package checkup

import "strings"

// Protocols is what a server of TLS speaks.
type Protocols struct {
	// Old are the versions before 1.2 that it takes.
	Old []string
	// Weak says that by TLS 1.2 it takes a cipher that does not authenticate what it carries (AEAD).
	Weak bool
	// Good are the versions of today that it takes.
	Good []string
	// HTTP1 says that it speaks HTTP/1.1, which WebSockets need.
	HTTP1 bool
}

// TLS judges the versions of TLS, as NAME.versions.
func TLS(name string, p Protocols) Finding {
	name += ".versions"
	const set = "set TLS 1.2 with AEAD ciphers and TLS 1.3, and no others, where TLS ends"
	switch {
	case len(p.Good) == 0:
		return Failed(name, set, "neither TLS 1.2 nor TLS 1.3 is spoken")
	case !p.HTTP1:
		return Failed(name, "let HTTP/1.1 through to the relay", "HTTP/1.1 is not spoken, without which there are no WebSockets")
	case len(p.Old) > 0:
		return Failed(name, set, "%s is taken, which nobody needs any more", strings.Join(p.Old, " and "))
	case p.Weak:
		return Noted(name, set, "TLS 1.2 is taken with ciphers that do not authenticate what they carry (CBC)")
	default:
		return OK(name, "%s, nothing older, no weak cipher", strings.Join(p.Good, " and "))
	}
}
