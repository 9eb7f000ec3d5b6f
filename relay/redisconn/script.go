package redisconn

import (
	"context"
	"crypto/sha1" // names a script, as Redis does
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script that Redis runs by its SHA-1. The client's own type falls back to
// EVAL, a further right that users would have to be given.
type Script struct{ Text, SHA string }

// NewScript returns the script with this text.
func NewScript(text string) Script {
	sum := sha1.Sum([]byte(text))
	return Script{text, hex.EncodeToString(sum[:])}
}

// Load makes Redis know the script.
func (s Script) Load(ctx context.Context, client redis.Cmdable) error {
	if err := client.ScriptLoad(ctx, s.Text).Err(); err != nil {
		return fmt.Errorf("loading a script into Redis: %w", err)
	}
	return nil
}

// Run runs the script, which Redis may have to be told first.
func (s Script) Run(ctx context.Context, client redis.Cmdable, key string, args ...any) (any, error) {
	reply, err := client.EvalSha(ctx, s.SHA, []string{key}, args...).Result()
	if !IsReply(err, NoScript) {
		return reply, err
	}
	if err := s.Load(ctx, client); err != nil {
		return nil, err
	}
	return client.EvalSha(ctx, s.SHA, []string{key}, args...).Result()
}

// NoScript begins Redis' answer where it has to be told the script first.
const NoScript = "NOSCRIPT"

// IsReply says whether err is an error that Redis answered with this code.
func IsReply(err error, code string) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.HasPrefix(reply.Error(), code)
}
