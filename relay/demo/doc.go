// Package demo is a CI backend as small as one can be: it runs builds and
// publishes their output through [buildrelay/relay/pipe], lists them, and signs the
// subscriptions of its page. It keeps no output: that is in the builds' logs.
//
// It shows what a backend has to do for the relay, and does no more: builds are
// kept in memory, and everybody may watch. The files: runner.go runs builds,
// store.go keeps them, announce.go tells the list's watchers, handler.go answers
// HTTP; watcher.go says who watches; builds.go and recording.go say what is built.
package demo
