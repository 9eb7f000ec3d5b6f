// Package registry keeps, in Redis, which node has which HTTP session, so that any node may
// be asked for any session (protocol.md 6.6). These are the rules.
//
// A session has a key, which holds the URL of its node and goes after a minute. The key's name
// is a hash of the session by the cluster's secret, and so is what signs the URL: who can read
// Redis cannot take a session over, and who can write to it cannot send a node anywhere. What
// is not signed counts as nothing.
//
// Who claims a session that nobody has has it. A node sets the keys of its sessions again
// every 20 s, and whenever Redis may have lost them: after the connection broke, and when
// the node's own mark, looked at every second, is not what it left there. The same
// said twice changes nothing, so that an error of any kind is mended by saying all again. Two
// nodes have a session only where Redis lost it, or was away: then its client was told that it
// is a new one, and is about to leave both, whichever Redis has.
//
// Without Redis a node takes every session for its own, and sets it as soon as it can.
package registry
