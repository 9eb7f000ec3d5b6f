package api

import (
	"net/http"
	"sync"
	"time"

	"buildrelay/auth"
)

// The limits on what the backends of an app may ask in a second, as the metrics call them.
const (
	publishes = "publishes"
	reads     = "reads"
)

// rates count what apps did lately. Only calls that are authentic are counted, so that
// there are no more than two for each app. The zero value is ready to use.
type rates struct {
	mu sync.Mutex
	by map[rateKey]rate
}

type rateKey struct{ app, limit string }

// rate is how much of a second's limit was used at a time. It drains as time passes.
type rate struct {
	used float64
	at   time.Time
}

// allow says whether an app may do n more things, of most in a second, and counts them.
// More at once than that is allowed to one that did nothing lately, and waited for
// afterwards.
func (r *rates) allow(key rateKey, now time.Time, n, most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.by[key]
	passed := max(now.Sub(last.at).Seconds(), 0)
	used := max(last.used-passed*float64(most), 0)
	if used > 0 && used+float64(n) > float64(most) {
		return false
	}
	if r.by == nil {
		r.by = make(map[rateKey]rate)
	}
	r.by[key] = rate{used + float64(n), now}
	return true
}

// allow returns the error for an app that does too much of something.
func (a *API) allow(app *auth.App, limit string, n int) error {
	most := app.Limits.Publishes
	if limit == reads {
		most = app.Limits.Reads
	}
	if most == 0 || a.rates.allow(rateKey{app.ID, limit}, a.Now(), n, most) {
		return nil
	}
	a.Metrics.Limited.WithLabelValues(app.ID, limit).Inc()
	return &failure{status: http.StatusTooManyRequests, message: "too many " + limit + " in this second, try again", cause: "rate"}
}
