// Package trials has the tests that do one kind of harm each to nodes, to Redis or to what is
// between them, and look whether anything was lost, doubled, or left out in silence. They are
// beside the tests of the program, since most of them wait for time to pass.
package trials
