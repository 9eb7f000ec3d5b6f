package redisconn

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// Options are how to connect to Redis.
type Options = redis.Options

// Strict returns a copy of base with the settings that nodes need: a command that was
// retried could be carried out twice, and what hangs is given up after timeout.
func Strict(base *Options, timeout time.Duration) *Options {
	o := *base
	o.Protocol = 2 // pub/sub replies of RESP 2 have one shape on all servers
	o.MaxRetries = -1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeout, timeout, timeout
	o.DialerRetries = 1
	o.ContextTimeoutEnabled = true
	o.PipelinePoolSize, o.MinIdleConns = -1, 0 // one pool, of what is in use
	o.DisableIdentity = true                   // users may not say it (CLIENT SETINFO): Redis would log each connection as a refusal
	return &o
}
