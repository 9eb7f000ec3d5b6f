package protocol

// RosterTopic returns the name of the Redis channel that carries the changes of a
// channel's roll, see [ParseChange]. No app's channel has such a name in Redis: "~roster"
// is no app id.
func RosterTopic(prefix, appID, channel string) string {
	return prefix + ":~roster:" + appID + ":" + channel
}

// CacheKey returns the Redis key under which the last event of a cache channel is kept,
// see [ParseCached]. In a Redis Cluster it is where the channel's log would be.
func CacheKey(prefix, appID, channel string) string {
	return prefix + ":{" + appID + ":" + channel + "}:cache"
}
