// Package seal seals the entries of logs, and secrets at rest, with AES-256-GCM. It stands on
// Tink, whose key sets it reads and writes.
//
// A key set has one key that seals, and others that only open what was sealed before, or will
// be. A sealed text names its key, so that keys change while old texts stay readable.
package seal
