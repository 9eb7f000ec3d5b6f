package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"

	"github.com/redis/go-redis/v9"

	"buildrelay/auth"
)

// ParseURL reads redis://[user:password@]host:port/db, or rediss:// for TLS with a
// certificate by one of roots; nil means those that the system trusts. The error
// never holds the password.
func ParseURL(text auth.Secret, roots *x509.CertPool) (*Options, error) {
	u, err := url.Parse(string(text))
	if err != nil {
		return nil, errors.New("not a URL such as redis://user:password@host:6379/0")
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return nil, errors.New("the URL must begin with redis:// or, for TLS, rediss://")
	}
	o, err := redis.ParseURL(string(text))
	if err != nil {
		return nil, errors.New("not a URL such as redis://user:password@host:6379/0")
	}
	if o.TLSConfig != nil {
		if o.TLSConfig.InsecureSkipVerify {
			return nil, errors.New("skip_verify is not for a relay: name the authority of Redis' certificate instead")
		}
		o.TLSConfig.RootCAs = roots
		o.TLSConfig.MinVersion = tls.VersionTLS12
	}
	return o, nil
}
