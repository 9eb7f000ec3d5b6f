package transport

import (
	"context"
	"net/http"
	"net/url"
)

// Owners knows which node has which session, where there are several. A session is named
// by "key/server/id", as in its URLs.
type Owners interface {
	// Claim makes this node the session's, unless another node is it: then that one's base
	// URL is returned, else nil. It asks Redis, for about two seconds at the most.
	Claim(ctx context.Context, session string) (owner *url.URL, err error)
	// Owner returns the base URL of the node that has the session, nil if none does or this
	// one. It asks Redis, too.
	Owner(ctx context.Context, session string) (*url.URL, error)
	// Release gives a session of this node up. It does not block.
	Release(session string)
}

// Forwarder takes requests to the nodes that have their sessions.
type Forwarder interface {
	// Forward answers a request by what the owner answers, or by 404 where the owner cannot
	// be reached. body is the request's, read already.
	Forward(w http.ResponseWriter, r *http.Request, owner *url.URL, body []byte)
	// Forwarded says whether a node of the cluster sent the request on: such a request opens
	// no session and goes no further. A signature that does not hold is an error.
	Forwarded(r *http.Request, body []byte) (bool, error)
}
