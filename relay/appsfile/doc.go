// Package appsfile reads the file that describes the apps of a node, and looks whether
// it has changed.
//
// Reading is strict: a file with anything in it that is not understood is refused as a
// whole, and told is all that is wrong with it, each with its line. What is told may go to
// a log, so it holds no secret, no header of a webhook and no URL.
//
// The settings of a node that has one app are read by the same code, where they are like
// parts of the file.
package appsfile
