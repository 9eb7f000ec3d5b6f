package main

import (
	"errors"
	"runtime/debug"

	"buildrelay/relay/metrics"
)

// state is what the node's metrics are asked for.
func (n *node) state() metrics.State {
	s := metrics.State{Version: "unknown", Ready: n.parts(), Keys: n.keyStates}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return s
	}
	s.Version = info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			s.Revision = setting.Value
		}
	}
	return s
}

// parts say what is wrong with each part of the node, nil where nothing is.
func (n *node) parts() map[string]func() error {
	return map[string]func() error{
		"server": n.serving,
		"redis":  n.redisReady,
		"logs":   n.hub.Ready,
		"roster": n.roster.Ready,
	}
}

// serving is nil until the node is told to stop.
func (n *node) serving() error {
	if n.stopping.Load() {
		return errors.New("stopping")
	}
	return nil
}
