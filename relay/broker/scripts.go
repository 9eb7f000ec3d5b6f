package broker

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

//go:embed lua/append.lua
var appendBody string

//go:embed lua/read.lua
var readText string

//go:embed lua/watch.lua
var watchText string

// script is a Lua script that Redis runs by its SHA-1.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}

// scripts are those that a broker calls.
type scripts struct{ append, read, watch script }

func newScripts() scripts {
	return scripts{newScript(AppendScript()), newScript(readText), newScript(watchText)}
}

// AppendScript is what EVAL runs to append an event to a log; docs/PROTOCOL.md has its
// key and arguments. It does not end with a line end: shells would drop that, and with it
// the script's SHA-1 would be another.
func AppendScript() string { return appendBody + "\nreturn append(KEYS, ARGV)" }

// AppendSHA is the name that EVALSHA knows it by.
func AppendSHA() string { return newScript(AppendScript()).sha }

// functionName is what the Redis Function is called that does what [AppendScript] does.
const functionName = "buildrelay_append"

// libraryName is the name of the library that holds the function.
const libraryName = "buildrelay"

// AppendLibrary is what FUNCTION LOAD takes, the same as a Redis Function.
func AppendLibrary() string {
	return "#!lua name=" + libraryName + "\n" + appendBody + "\nredis.register_function('" + functionName + "', append)"
}

// noScript begins Redis' answer where it has to be told the script first.
const noScript = "NOSCRIPT"

// InstallFunction makes Redis know the function, in the place of any other version.
func (b *Broker) InstallFunction(ctx context.Context) error {
	if err := b.client.FunctionLoadReplace(ctx, AppendLibrary()).Err(); err != nil {
		return fmt.Errorf("installing the function %s: %w", functionName, err)
	}
	return nil
}

// load makes Redis know the script.
func (s script) load(ctx context.Context, client *redis.Client) error {
	if err := client.ScriptLoad(ctx, s.text).Err(); err != nil {
		return fmt.Errorf("loading a script into Redis: %w", err)
	}
	return nil
}

// run runs the script, which Redis may have to be told first.
func (s script) run(ctx context.Context, client *redis.Client, key string, args ...any) (any, error) {
	reply, err := client.EvalSha(ctx, s.sha, []string{key}, args...).Result()
	if !isReply(err, noScript) {
		return reply, err
	}
	if err := s.load(ctx, client); err != nil {
		return nil, err
	}
	return client.EvalSha(ctx, s.sha, []string{key}, args...).Result()
}

// isReply says whether err is an error that Redis answered with this code.
func isReply(err error, code string) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.HasPrefix(reply.Error(), code)
}

// isWrongType says whether a key holds something of another type. The built-in Redis
// wraps the error of a script in words of its own.
func isWrongType(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.Contains(reply.Error(), "WRONGTYPE")
}
