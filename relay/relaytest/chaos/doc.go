// Package chaos runs several nodes with several hundred clients of all kinds through one
// fault after the other, as a seed has it, and lets the checker say for each fault what was
// lost, doubled or left out silently, how soon it was over for the clients, and how late
// lines were meanwhile.
//
// RELAY_CHAOS is for how many minutes each seed of RELAY_CHAOS_SEEDS runs; without it a
// run lasts seconds and has a handful of clients and faults. A run's seed and faults are
// printed. RELAY_SOAK is for how many minutes [Soak] looks whether the nodes keep what they
// should give back.
package chaos
