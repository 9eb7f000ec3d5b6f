// Package audit says what a record of the audit trail is: its members, the actions and what
// their payloads may hold, how a record is written down, and the chain that shows whether
// somebody changed what was written. It is pure: keys and the time are arguments.
//
// Payloads are typed, and those of a backend's known actions closed: no value of a variable, no
// line of a build has a place in one.
//
// Each node writes a chain: a record has a number, and a code made with a key of the record and the
// one before it. Each commit signs where the chain ends. So a record that was edited, dropped,
// inserted or moved is found and named, and a trail that was cut is, where a signed end was kept
// elsewhere. Removing old records leaves a signed beginning.
package audit
