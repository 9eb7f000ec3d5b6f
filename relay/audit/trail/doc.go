// Package trail records what happens: it is the queue in front of the database. Whoever notes
// a record goes on at once; one goroutine gathers what was noted into one commit after the
// other. While the database does not take records they wait in a file, the spool, and go from
// there to the database, in their order, when it is back. What cannot be kept at all is
// counted, and the trail tells it afterwards as a gap.
package trail
