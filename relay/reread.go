package relay

// Reread makes everything be read again that is kept of channels: it can be read, or is shown,
// otherwise from now on, with other keys, say. Who reads a page of a log already goes on as it was.
func (h *Hub) Reread() {
	h.pages.forgetAll()
	h.rereadAll(h.channelsOf(""))
}

// RereadOf is Reread for a channel, or for all channels of an app where it is "": what is to be
// masked there has changed, say. Readers who have not come to the end of a log go by its pages; a
// cache channel's last event is asked for again.
func (h *Hub) RereadOf(appID, name string) {
	h.pages.forgetOf(func(key channelKey) bool { return key.app == appID && (name == "" || key.name == name) })
	if name == "" {
		h.rereadAll(h.channelsOf(appID))
	} else if ch := h.channel(appID, name); ch != nil {
		h.rereadAll([]*channel{ch})
	}
}

func (h *Hub) rereadAll(channels []*channel) {
	for _, ch := range channels {
		if ch.reread() {
			h.config.Caches.AskCache(ch.key.app, ch.key.name)
		}
	}
	h.Flush()
}

// channelsOf returns all channels of an app, or of all where it is "".
func (h *Hub) channelsOf(appID string) (all []*channel) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for key, ch := range h.channels {
		if appID == "" || key.app == appID {
			all = append(all, ch)
		}
	}
	return all
}

// reread drops what is kept. It says whether its last event is to be asked for.
func (ch *channel) reread() (ask bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.chain != nil && ch.chain.known && ch.feed.Footprint() > 0 {
		ch.feed.Break(ch.feed.At())
		ch.rouse()
	}
	return ch.cache != nil && ch.cache.reread()
}
