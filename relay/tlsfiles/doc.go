// Package tlsfiles has what TLS needs from files: certificates with their keys, authorities
// and revocation lists. While the process runs it looks whether they have changed. What is
// bad is kept out, and told; what was good before stays in use.
package tlsfiles
