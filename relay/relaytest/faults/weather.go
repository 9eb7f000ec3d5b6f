package faults

import "time"

// Weather is a way for a link to be bad, none of which loses anything for good.
type Weather struct {
	Name string
	// toxic is toxiproxy's, "" where it is something else.
	toxic      string
	attributes map[string]int
	// piece is how many bytes come at a time.
	piece int
	// share of the connections that are reset each time.
	share float64
}

// Weathers are the ways, the mildest first.
func Weathers() []Weather {
	return []Weather{
		{Name: "latency 200±100 ms", toxic: "latency", attributes: map[string]int{"latency": 200, "jitter": 100}},
		{Name: "64 kB/s", toxic: "bandwidth", attributes: map[string]int{"rate": 64}},
		{Name: "byte by byte", piece: 1},
		{Name: "2 % of connections reset", share: 0.02},
	}
}

// Endure makes what comes from the server suffer a weather for a while. What hits some
// connections alone hits others ten times a second.
func (l *ToxicLink) Endure(w *World, weather Weather, d time.Duration) {
	l.t.Helper()
	if weather.toxic != "" {
		l.Poison(weather.toxic, weather.attributes)
		w.Wait(d, d)
		l.Heal()
		return
	}
	if weather.piece != 0 {
		l.Slice(weather.piece)
		w.Wait(d, d)
		l.Slice(0)
		return
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		l.front.Reset(func() bool { return w.dice.Float64() < weather.share })
		w.Wait(100*time.Millisecond, 100*time.Millisecond)
	}
}
