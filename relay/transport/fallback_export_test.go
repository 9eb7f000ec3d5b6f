package transport

// Sessions is how many sessions there are.
func (f *Fallback) Sessions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sessions)
}

// Receiving is how many of them have a receive request.
func (f *Fallback) Receiving() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, s := range f.sessions {
		s.mu.Lock()
		if s.receiver != nil {
			n++
		}
		s.mu.Unlock()
	}
	return n
}
