package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/audit"
)

const (
	// appsFileEvery is the time between two looks at the apps file.
	appsFileEvery = time.Second
	// clientPatience is how long after the drain window clients have to go: a second to take
	// what they have yet to get, five to close, and some for the machine.
	clientPatience = 8 * time.Second
	// hardEnd is how long after the drain window the process ends whatever hangs in it. It is
	// more than the clients and, after them, Redis and the webhooks' receivers, and then the
	// audit trail and its outlets take.
	hardEnd = 25 * time.Second
)

// run serves until ctx ends, then stops in order: it says that it is not ready,
// goes on for the drain delay, asks its clients to go elsewhere, and lets Redis go
// last.
func (n *node) run(ctx context.Context, listeners []listener) error {
	if err := n.listen(ctx, listeners); err != nil {
		return err
	}
	records, stopRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRecording()
	n.audit.start(records, n.recording)
	core, stopCore := context.WithCancel(records)
	defer stopCore()
	accept, stopAccepting := context.WithCancel(core)
	defer stopAccepting()
	n.certificates.addListeners(listeners)
	n.start(core)
	n.noteStart(listeners)
	n.startReminding(core, n.insecurities(listeners))
	failed := make(chan error, 1)
	accepting := newParts()
	accepting.run("server", func() { failed <- n.server.Serve(accept) })

	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		n.pause()
	}
	window := n.drainWindow()
	hard := time.AfterFunc(window+hardEnd, n.giveUp)
	defer hard.Stop()
	close(n.leaving)
	n.drain(core, window, func() { n.cluster.leave(); stopAccepting(); accepting.wait() })
	stopCore()
	n.running.wait()
	n.audit.note(audit.ActionServerStop, audit.Server{Node: n.audit.name(), Version: version()})
	stopRecording()
	n.recording.wait()
	n.audit.close()
	_ = n.redis.Close() // nobody is asked any more
	n.log.Info("stopped")
	return err
}

// start starts the parts, which run until core ends.
func (n *node) start(core context.Context) {
	n.running.run("hub", func() { n.hub.Run(core) })
	n.running.run("broker", func() { n.broker.Run(core, n.hub, n.hub.Flush) })
	n.running.run("masking", func() { n.masking.run(core) })
	n.running.run("roll call", func() { n.rollCall.run(core) })
	n.running.run("roster", func() { n.roster.Run(core, n.hub) })
	n.running.run("revocations", func() { n.revocations.run(core) })
	n.running.run("webhooks", func() { n.webhooks.run(core) })
	n.certificates.start(core, n.running)
	n.running.run("registry", func() { n.cluster.run(core) })
	n.running.run("keys file", func() { n.attendKeys(core) })
	if n.appsFile != nil {
		n.running.run("apps file", func() { n.appsFile.Run(core, appsFileEvery, n.takeApps) })
	}
	n.running.run("metrics", func() { n.logFailure(n.metrics.Serve(core)) })
	if n.unfit.Load() != nil {
		n.running.run("check of Redis", func() { n.checkLater(core) })
	}
	n.running.run("summaries of the HTTP API", func() { n.calls.Run(core) })
	n.running.run("audit inbox", func() { n.audit.listen(core) })
	faultyParts(n.running)
	n.running.run("service manager", func() { n.attend(core) })
}

// noteStart records that the node serves.
func (n *node) noteStart(listeners []listener) {
	for _, l := range listeners {
		n.audit.note(audit.ActionServerStart, audit.Server{Node: n.audit.name(), Version: version(), Address: l.address})
	}
}

// takeApps puts other apps in force, and records it.
func (n *node) takeApps(next []auth.App) error {
	reload := audit.ConfigReload{Changed: changedApps(n.apps, next)}
	reload.Before, reload.After = n.appsFile.Hashes()
	revoked := revokedKeys(n.apps, next)
	err := errors.Join(n.config.checkSecrets(next), n.config.checkSealing(next), n.config.checkAuthApp(next))
	if err == nil {
		err = n.hub.Reload(n.apps, next)
		n.hub.Reread() // what of logs may be shown can be another
		n.broker.RereadMasks()
	}
	if err == nil {
		n.apps.Uses.Keep(next, time.Now())
		n.noteRevoked(revoked)
	}
	warnOfSecrets(next, n.log)
	n.audit.noteOutcome(audit.ActionConfigReload, reload, err == nil)
	return err
}

func (n *node) listen(ctx context.Context, listeners []listener) error {
	for _, l := range listeners {
		at, err := l.listen(ctx, n.server, asking(l.tls, n.clients.api))
		if err != nil {
			return err
		}
		if n.first.address == "" {
			n.first = listener{address: at.String(), tls: l.tls, shown: l.shown}
		}
	}
	if n.operators.address == "" {
		return nil
	}
	config, err := n.operatorsTLS(listeners)
	if err == nil {
		_, err = n.operators.listen(ctx, n.metrics, config)
	}
	return err
}

// pause goes on serving for a while as a node that is not ready.
func (n *node) pause() {
	n.stopping.Store(true)
	n.systemd.tell("STOPPING=1")
	n.log.Info("stopping", "drain_delay", n.config.DrainDelay.String())
	<-time.After(n.config.DrainDelay)
}

// drainWindow is over how long the clients are asked to go. Where there is no other node
// they could connect nowhere before the next start, and the sooner that is the better.
func (n *node) drainWindow() time.Duration {
	window, alone := n.config.DrainWindow, n.roster.Alone()
	if alone {
		window = 0
	}
	n.log.Info("draining", "window", window.String(), "alone", alone)
	return window
}

// drain asks the clients to go elsewhere, and waits until all are gone. Nothing new is
// accepted once all were asked: until then those without WebSockets need requests to be told.
func (n *node) drain(ctx context.Context, window time.Duration, stopAccepting func()) {
	ctx, cancel := context.WithTimeout(ctx, window+clientPatience)
	defer cancel()
	n.hub.Drain(ctx, window)
	stopAccepting()
	n.hub.Wait(ctx)
	n.webSocket.Wait()
	n.fallback.Wait()
}

// giveUp ends the process, since something in it does not end.
func (n *node) giveUp() {
	n.log.Error("the end takes too long, and is at once", "not_ended", slices.Concat(n.running.left(), n.recording.left()))
	os.Exit(exitFailure)
}

func (n *node) logFailure(err error) {
	if err != nil {
		n.log.Error("serving metrics failed", "error", err)
	}
}
