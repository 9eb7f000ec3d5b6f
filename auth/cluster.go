package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Cluster makes and checks what the nodes of a cluster sign for each other, by a secret
// that they share. For each use it has a key of its own, so that no signature serves for
// another one.
type Cluster struct{ names, owners, forwards Secret }

// forwardSkew is for how long what was sent on is believed, and so how far apart the clocks
// of two nodes may be.
const forwardSkew = time.Minute

// NewCluster returns the cluster with this secret.
func NewCluster(secret Secret) *Cluster {
	derive := func(use string) Secret { return Secret(sum(secret, use)) }
	return &Cluster{names: derive("session name"), owners: derive("session owner"), forwards: derive("forwarded request")}
}

// SessionName returns the name, 64 hex digits, by which nodes speak of a session where
// others may listen: who knows the session itself can read along.
func (c *Cluster) SessionName(session string) string {
	return hex.EncodeToString(sum(c.names, session))
}

// SignOwner returns the signature, 64 hex digits, which says that the node at url has the
// session of this name.
func (c *Cluster) SignOwner(name, url string) string {
	return hex.EncodeToString(sum(c.owners, name+"\n"+url))
}

// IsOwner says whether the signature is SignOwner's.
func (c *Cluster) IsOwner(name, url, signature string) bool {
	return hmac.Equal([]byte(signature), []byte(c.SignOwner(name, url)))
}

// SignForward returns what a node says of a request, with this method, URI and body, that
// it sends on at the time now: "<Unix time in ms> <64 hex digits>".
func (c *Cluster) SignForward(method, uri string, body []byte, now time.Time) string {
	at := strconv.FormatInt(now.UnixMilli(), 10)
	return at + " " + c.forward(at, method, uri, body)
}

// ErrForwardTime says that the clocks of two nodes are apart, or that somebody sends again what
// a node has sent on.
var ErrForwardTime = errors.New("a node sent the request on more than a minute ago, or by a clock that is wrong")

var errForwardSigned = errors.New("what says that a node sent the request on is not signed by one of the cluster")

// CheckForward returns an error unless said is what SignForward returns, for a time less
// than a minute from now.
func (c *Cluster) CheckForward(said, method, uri string, body []byte, now time.Time) error {
	at, signature, _ := strings.Cut(said, " ")
	if !hmac.Equal([]byte(signature), []byte(c.forward(at, method, uri, body))) {
		return errForwardSigned
	}
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return errForwardSigned
	}
	if skew := now.Sub(time.UnixMilli(ms)); skew <= -forwardSkew || skew >= forwardSkew {
		return ErrForwardTime
	}
	return nil
}

func (c *Cluster) forward(at, method, uri string, body []byte) string {
	digest := sha256.Sum256(body)
	said := strings.Join([]string{at, method, uri, hex.EncodeToString(digest[:])}, "\n")
	return hex.EncodeToString(sum(c.forwards, said))
}
