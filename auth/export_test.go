package auth

// ForwardAt is what [Cluster.SignForward] says of GET / with any text for its time.
func ForwardAt(c *Cluster, at string) string { return at + " " + c.forward(at, "GET", "/", nil) }
