package transport

// Seats are how many seats are taken, and of how many addresses.
func (a *Admission) Seats() (open, addresses int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open, len(a.openFrom)
}
