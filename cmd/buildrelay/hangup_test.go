package main_test

import (
	"strings"
	"syscall"
	"testing"

	"buildrelay/relay/relaytest"
)

func TestASIGHUPHasTheAppsFileLookedAtOnce(t *testing.T) {
	t.Parallel()
	file := newAppsFile(t, fixtureApp())
	env := file.env(nil)
	env["RELAY_DRAIN_DELAY"] = "1h"
	w := newWorld(t, env)
	w.Signal(syscall.SIGHUP)
	w.ExpectLog("the apps file is what is in force")
	file.write(fixtureApp(), otherApp(""))
	w.Signal(syscall.SIGHUP)
	w.ExpectLog("the apps file has changed and is in force")
	w.connectOther(t)
	file.write("nothing that is an app")
	w.Signal(syscall.SIGHUP)
	w.ExpectLog("the apps file is refused, the apps stay as they are")

	// Nor does it end a process that is about to end.
	w.Signal(syscall.SIGTERM)
	w.ExpectLog("stopping")
	c := w.Connect()
	w.Signal(syscall.SIGHUP)
	w.Eventually("it was heard", func() bool {
		return strings.Count(strings.Join(w.Log(), "\n"), "SIGHUP: looking at the apps file") == 4
	})
	c.ExpectOpen()
	w.Signal(syscall.SIGTERM)
	w.AwaitEnd(relaytest.Patience)
}

func TestASIGHUPWithoutAnAppsFileDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	w.Signal(syscall.SIGHUP)
	w.ExpectLog("SIGHUP: there is nothing to reload, since there is no RELAY_APPS_FILE")
	c.ExpectOpen()
}
