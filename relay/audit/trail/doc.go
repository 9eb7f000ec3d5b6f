// Package trail records what happens: it is the queue in front of the database. Whoever notes
// a record goes on at once; one goroutine gathers what was noted into one commit after the
// other. While the database does not take records they wait in a file, the spool, and go from
// there to the database, in their order, when it is back. What cannot be kept at all is
// counted, and the trail tells it afterwards as a gap. Only in strict mode somebody waits: who must
// be recorded.
//
// A record's id is made before anything can fail, and the store leaves out what it has: so what may
// or may not have been committed is handed in again.
package trail
