// Package clientcert says whether the certificate that a client shows will do: by the
// authority that signed it, by a name in it, and by whether it was revoked. The names are the
// DNS names and URIs of a certificate; its common name, which anybody may read as they like,
// never counts.
package clientcert
