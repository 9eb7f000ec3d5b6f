package broker

import (
	"context"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

// isOpen says whether a master lets in a stranger, who shows neither a password nor a certificate.
// That users of an ACL file have passwords says nothing of it: the user default may have none.
func (b *Broker) isOpen(ctx context.Context, address string) bool {
	o := redisconn.Strict(b.config.Redis.Options(address), linkTimeout)
	o.Username, o.Password, o.DB = "", "", 0
	if o.TLSConfig != nil {
		o.TLSConfig.GetClientCertificate = nil
	}
	client := redis.NewClient(o)
	defer client.Close()
	return client.Ping(ctx).Err() == nil
}

// mayText is a script that says whether the user may run a command. Redis writes what it refuses into
// ACL LOG, where operators look for intruders: so a command is not tried to find that out.
const mayText = "return redis.acl_check_cmd(unpack(ARGV))"

// may says whether the user may run a command; false where Redis does not tell.
func (b *Broker) may(ctx context.Context, client *redis.Client, command ...any) bool {
	script := b.scripts.may
	if script.Load(ctx, client) != nil {
		return false
	}
	can, err := client.EvalSha(ctx, script.SHA, nil, command...).Bool()
	return err == nil && can // nil, which is an error, stands for false
}
