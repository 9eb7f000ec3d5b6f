package broker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

//go:embed lua/append.lua
var appendBody string

//go:embed lua/read.lua
var readText string

//go:embed lua/watch.lua
var watchText string

//go:embed lua/once.lua
var onceText string

//go:embed lua/mask.lua
var maskBody string

// scripts are those that a broker calls.
type scripts struct{ append, read, watch, once, mask, may redisconn.Script }

func newScripts() scripts {
	return scripts{
		redisconn.NewScript(AppendScript()), redisconn.NewScript(readText), redisconn.NewScript(watchText), redisconn.NewScript(onceText),
		redisconn.NewScript(MaskScript()), redisconn.NewScript(mayText),
	}
}

// AppendScript is what EVAL runs to append an event to a log; docs/PROTOCOL.md has its
// key and arguments. It does not end with a line end: shells would drop that, and with it
// the script's SHA-1 would be another.
func AppendScript() string { return appendBody + "\nreturn append(KEYS, ARGV)" }

// functionName is what the Redis Function is called that does what [AppendScript] does.
const functionName = "buildrelay_append"

// libraryName is the name of the library that holds the function.
const libraryName = "buildrelay"

// AppendLibrary is what FUNCTION LOAD takes, the same as a Redis Function.
func AppendLibrary() string {
	return "#!lua name=" + libraryName + "\n" + appendBody + "\nredis.register_function('" + functionName + "', append)"
}

// MaskScript is what EVAL runs to register what is to be masked; docs/PROTOCOL.md has its key
// and arguments.
func MaskScript() string { return maskBody + "\nreturn mask(KEYS, ARGV)" }

// maskFunction is what the Redis Function is called that does what [MaskScript] does.
const maskFunction = "buildrelay_mask"

// maskLibraryName is the name of the library that holds it.
const maskLibraryName = "buildrelay_masks"

// MaskLibrary is what FUNCTION LOAD takes, the same as a Redis Function.
func MaskLibrary() string {
	return "#!lua name=" + maskLibraryName + "\n" + maskBody + "\nredis.register_function('" + maskFunction + "', mask)"
}

// InstallFunctions makes all masters know the functions, in the place of any other version.
func (b *Broker) InstallFunctions(ctx context.Context) error {
	masters, err := b.pool.Each(ctx)
	if err != nil {
		return err
	}
	for _, client := range masters {
		for name, library := range map[string]string{functionName: AppendLibrary(), maskFunction: MaskLibrary()} {
			if err := client.FunctionLoadReplace(ctx, library).Err(); err != nil {
				return fmt.Errorf("installing the function %s: %w", name, err)
			}
		}
	}
	return nil
}

// isWrongType says whether a key holds something of another type. The built-in Redis
// wraps the error of a script in words of its own.
func isWrongType(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.Contains(reply.Error(), "WRONGTYPE")
}
