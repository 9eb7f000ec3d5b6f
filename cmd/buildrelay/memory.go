package main

import (
	"os"

	"buildrelay/relay/appsfile"
	"buildrelay/relay/server"
)

// processMemory is what the process may have.
func processMemory() *server.Memory { return server.ProcessMemory(memoryLimitSet()) }

// memoryLimitSet says that the operator has set GOMEMLIMIT, which the runtime reads.
func memoryLimitSet() bool { return os.Getenv("GOMEMLIMIT") != "" }

// feedMemory is what is set, or a quarter of GOMEMLIMIT or, without that, 256 MiB where that
// is no more than a quarter of what the process may have.
func feedMemory(set appsfile.Bytes, memory *server.Memory) int64 {
	const usual = 256 << 20
	quarter := memory.Usage().Total / 4
	switch {
	case set > 0:
		return int64(set)
	case quarter > 0 && (quarter < usual || memoryLimitSet()):
		return quarter
	default:
		return usual
	}
}
