package tlsfiles

// Begin is how Run begins.
func (w *Watch) Begin() { w.begin() }

// Step is one look of Run at all files, StepAtOnce one that was asked for.
func (w *Watch) Step() {
	for _, f := range w.all() {
		f.step(w)
	}
}

func (w *Watch) StepAtOnce() {
	for _, f := range w.all() {
		f.stepAtOnce(w)
	}
}

// ParsePair is for fuzzing.
var ParsePair = parsePair
