package roster

import (
	"context"
	"crypto/sha1" // names a script, as Redis does
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/rolls.lua
var rollsText string

//go:embed lua/commands.lua
var commandsText string

// script is the Lua script with all that Redis does for the roster, which Redis runs by
// its SHA-1.
type script struct{ text, sha string }

func newScript() script {
	text := rollsText + commandsText
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}

// load makes Redis know the script.
func (s script) load(ctx context.Context, client *redis.Client) error {
	if err := client.ScriptLoad(ctx, s.text).Err(); err != nil {
		return fmt.Errorf("loading the roster's script into Redis: %w", err)
	}
	return nil
}

// run calls a command by itself. Redis may have to be told the script first.
func (s script) run(ctx context.Context, client *redis.Client, partition, command string, args ...any) (any, error) {
	args = append([]any{command}, args...)
	reply, err := client.EvalSha(ctx, s.sha, []string{partition}, args...).Result()
	if !isNoScript(err) {
		return reply, err
	}
	if err := s.load(ctx, client); err != nil {
		return nil, err
	}
	return client.EvalSha(ctx, s.sha, []string{partition}, args...).Result()
}

// isNoScript says whether Redis has to be told the script first.
func isNoScript(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.HasPrefix(reply.Error(), "NOSCRIPT")
}
