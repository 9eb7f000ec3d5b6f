package roster

import (
	_ "embed"

	"buildrelay/relay/redisconn"
)

// The parts of the script, in the order in which they follow each other.
var (
	//go:embed lua/partition.lua
	partitionText string
	//go:embed lua/outbox.lua
	outboxText string
	//go:embed lua/rolls.lua
	rollsText string
	//go:embed lua/sender.lua
	senderText string
	//go:embed lua/commands.lua
	commandsText string
)

// newScript returns the Lua script with all that Redis does for the roster.
func newScript() redisconn.Script {
	return redisconn.NewScript(partitionText + outboxText + rollsText + senderText + commandsText)
}
