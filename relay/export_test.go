package relay

// FeedMemory is what all feeds hold at the moment.
func (h *Hub) FeedMemory() int64 { return h.budget.Used() }
