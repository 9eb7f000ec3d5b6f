package transport

import (
	"context"
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
