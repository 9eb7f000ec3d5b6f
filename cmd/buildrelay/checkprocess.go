package main

import (
	"context"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"buildrelay/relay/checkup"
)

// lookAtProcess looks at what the process may have and may do. That of a command is another than
// the node's, but for one that is started as the node is.
func (k *checking) lookAtProcess(context.Context) []checkup.Finding {
	p := checkup.Process{
		Connections: int64(k.config.MaxConnections), Memory: k.memory.Usage().Total, Feeds: feedMemory(k.config.FeedMemory, k.memory),
		User: os.Geteuid(), Writable: unix.Access("/", unix.W_OK) == nil,
	}
	var limit syscall.Rlimit // which Go has raised as far as it may
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		p.Files = int64(min(limit.Cur, 1<<40))
	}
	return p.Judge()
}
