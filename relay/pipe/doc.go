// Package pipe is the backend's side of a build: it runs a command, or reads
// standard input, and publishes what it prints as events of one channel, while
// the output goes to its own terminal as if nothing stood between.
//
// A line of output passes the files in this order: command.go or input.go reads
// it, screen.go masks secrets in it, tee.go hands it on, batch.go gathers it, longer while nobody watches, cut.go
// cuts batches that fit one event, buffer.go keeps them while the publisher is away or
// in case Redis loses the log, deliver.go publishes them in order, life.go numbers them
// and says how they join the log, call.go tries again, record.go says how they look.
//
// The build comes first. Nothing in this package makes it wait for the network,
// and its exit code is its own.
package pipe
