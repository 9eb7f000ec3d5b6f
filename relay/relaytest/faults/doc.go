// Package faults runs logs through faults: writers append numbered lines, readers
// read them by WebSockets, and a schedule hurts Redis, the relays and the links
// between them meanwhile. What came of it goes to the checker. It does the same with
// crowds: users who join presence channels and leave them, each of whom watches the
// others.
//
// A run is drawn from a seed, which is printed. RELAY_FAULT_SEED repeats the
// schedule; how the processes interleave nobody can repeat.
package faults
