// Package checker judges what happened to logs under faults. It is given a
// [History]: what writers appended and were answered, what readers were shown, and
// what Redis holds in the end. It says what was lost, doubled, left out silently,
// or told wrongly. It does no I/O.
package checker
