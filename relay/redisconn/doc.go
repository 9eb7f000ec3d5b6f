// Package redisconn is how nodes connect to Redis, and run scripts there. A command is
// never repeated behind the back of who gave it, and a connection that something is made
// to notice the end of is never replaced behind its back.
package redisconn
