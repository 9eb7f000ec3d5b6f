package api

// Readers is how many calls stream a log or wait for one.
func (a *API) Readers() int64 { return a.readers.Load() }
