// Package audit says what a record of the audit trail is: its members, the actions and what
// their payloads may hold, how a record is written down, and the chain that shows whether
// somebody changed what was written. It is pure: keys and the time are arguments.
package audit
