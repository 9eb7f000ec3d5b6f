package relay_test

import "buildrelay/protocol"

// doReread: reread CHANNEL [mask]. What is kept of it is shown otherwise from now on: with mask
// as stars, be it in the log or the last event.
func (w *world) doReread(args []string) error {
	if len(args) > 1 {
		w.log.mask(args[0])
		w.caches.mask(args[0])
	}
	w.hub.RereadOf(appID, args[0])
	return nil
}

// mask makes stars of what a log has.
func (l *scriptedLog) mask(channel string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if log := l.logs[channel]; log != nil {
		for i := range log.entries {
			log.entries[i].Data = "***"
		}
	}
}

// mask makes stars of a last event.
func (c *scriptedCaches) mask(channel string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, ok := c.last[channel]; ok {
		last.Event.Data = "***"
		c.last[channel] = last
	}
}

// withheld is what the broker tells of an event that is masked in the log alone.
func withheld(e protocol.Event) protocol.Event {
	link := *e.Link
	link.Withheld, e.Data, e.Link = true, "not to be shown", &link
	return e
}
