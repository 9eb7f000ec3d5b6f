package roster

import (
	_ "embed"

	"buildrelay/relay/redisconn"
)

//go:embed lua/rolls.lua
var rollsText string

//go:embed lua/commands.lua
var commandsText string

// newScript returns the Lua script with all that Redis does for the roster.
func newScript() redisconn.Script { return redisconn.NewScript(rollsText + commandsText) }
