// Package store keeps the audit trail in a database: in a file of SQLite, or in PostgreSQL
// where several nodes share one trail. It chains what is appended, signs each commit, and
// says afterwards what was changed behind its back.
//
// Nothing but the key is trusted: who may write to the database may change everything in it,
// but not so that Verify finds nothing.
package store
