// Package redisconn is how nodes connect to Redis, and run scripts there. A command is
// never repeated behind the back of who gave it, and a connection that something is made
// to notice the end of is never replaced behind its back.
//
// Redis is one server, the master that Sentinels name, or a Cluster ([Servers]); whoever asks gets
// the client of the master that has a key ([Pool]). The library's own clients for Sentinels and
// Clusters are not used: they repeat commands whose answer was lost, and look who the master is when
// they like. What Redis says that it did not carry out is tried again for two seconds, and only
// that. ASK is never followed: of a slot that is on its way nobody is to see half a log.
package redisconn
