package faults

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Weather is a way for a link to be bad, none of which loses anything for good.
type Weather struct {
	Name, toxic string
	attributes  map[string]int
	// share of the connections that it hits, drawn by the proxy; 0 means all.
	share float64
}

// Weathers are the ways, the mildest first.
func Weathers() []Weather {
	return []Weather{
		{Name: "latency 200±100 ms", toxic: "latency", attributes: map[string]int{"latency": 200, "jitter": 100}},
		{Name: "64 kB/s", toxic: "bandwidth", attributes: map[string]int{"rate": 64}},
		{Name: "byte by byte", toxic: "slicer", attributes: map[string]int{"average_size": 1, "size_variation": 0, "delay": 0}},
		{Name: "2 % of connections reset", toxic: "reset_peer", attributes: map[string]int{"timeout": 0}, share: 0.02},
	}
}

// Endure makes what comes from the server suffer a weather for a while. What hits some
// connections alone hits others every so often.
func (l *ToxicLink) Endure(w *World, weather Weather, d time.Duration) {
	l.t.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled) // one of the toxics prints what it does
	again := d
	if weather.share > 0 {
		again = 100 * time.Millisecond
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		l.suffer(weather)
		w.Wait(again, again)
		l.Heal()
	}
}

func (l *ToxicLink) suffer(weather Weather) {
	l.t.Helper()
	toxic := map[string]any{"name": weather.toxic, "type": weather.toxic, "attributes": weather.attributes}
	if weather.share > 0 {
		toxic["toxicity"] = weather.share
	}
	text, err := json.Marshal(toxic)
	if err == nil {
		_, err = l.proxy.Toxics.AddToxicJson(strings.NewReader(string(text)))
	}
	if err != nil {
		l.t.Fatalf("adding the toxic %s: %v", weather.toxic, err)
	}
}
