package appsfile

import "buildrelay/auth"

// Step is one look of Run's.
func (w *Watch) Step(take func([]auth.App) error) { w.step(take) }
