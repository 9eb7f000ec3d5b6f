package tlsfiles

import "errors"

// What comes of looks is told here, by the goroutine of Run.

// tell says by metrics how files are.
func (w *Watch) tell(f *files) {
	good := 0.0
	if f.isGood() {
		good = 1
	}
	w.Metrics.CertificateGood.WithLabelValues(f.use).Set(good)
	if e := f.state.expiry; !e.IsZero() {
		w.Metrics.CertificateExpiry.WithLabelValues(f.use).Set(float64(e.Unix()))
	}
}

// warn warns of a key that others may read, and of what clients may not take.
func (w *Watch) warn(f *files) {
	if f.state.exposed != nil {
		w.Log.Warn("others may read the key of a certificate", "use", f.use, "files", f.paths, "error", f.state.exposed)
	}
	doubt := f.state.doubt
	if f.young {
		doubt = errors.Join(doubt, &tooEarly{f.state.from})
	}
	if doubt != nil {
		w.Log.Warn("TLS files are in force, but clients may not take them", "use", f.use, "files", f.paths, "error", doubt)
	}
}

func (w *Watch) unchanged(f *files) {
	w.Log.Info("TLS files are what is in force", "use", f.use, "files", f.paths)
}

// restored says that the files have again what is in force.
func (w *Watch) restored(f *files) {
	w.tell(f)
	w.Log.Info("TLS files are again what is in force", "use", f.use, "files", f.paths)
}

func (w *Watch) taken(f *files, before state) {
	w.tell(f)
	w.warn(f)
	w.Log.Info("TLS files have changed and are in force", "use", f.use, "files", f.paths,
		"expires", f.state.expiry, "sha256", f.state.name)
	w.note(Change{Use: f.use, Before: before.name, After: f.state.name, Expiry: f.state.expiry})
}

func (w *Watch) refuse(f *files, err error) {
	w.tell(f)
	w.Log.Error("TLS files are refused, what was in force stays", "use", f.use, "files", f.paths,
		"error", err, "in_force_until", f.state.expiry)
	w.note(Change{Use: f.use, Before: f.state.name, After: f.state.name, Expiry: f.state.expiry, Err: err})
}

func (w *Watch) expired(f *files) {
	w.tell(f)
	w.Log.Error("TLS files have expired", "use", f.use, "files", f.paths, "expired", f.state.expiry)
}

// ripened says that what is in force, since nothing better was there, is valid now.
func (w *Watch) ripened(f *files) {
	w.tell(f)
	w.Log.Info("TLS files have become valid", "use", f.use, "files", f.paths)
}

func (w *Watch) note(c Change) {
	if w.Changed != nil {
		w.Changed(c)
	}
}
