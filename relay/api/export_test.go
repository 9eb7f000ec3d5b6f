package api

// Readers is how many calls stream a log or wait for one.
func (a *API) Readers() int64 { return a.readers.Load() }

// Refusals is how many addresses with wrong signatures are remembered.
func (a *API) Refusals() int {
	a.refusals.mu.Lock()
	defer a.refusals.mu.Unlock()
	return len(a.refusals.by)
}
