package transport

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

const (
	// maxMessage is the largest message that a client may send, at the least: 10 KB of
	// data, escaped and escaped again, and more.
	maxMessage = 64 << 10
	// escaped is how many times as long data can become.
	escaped = 7
)

// Entrance is what all transports share: who may connect, and to what. All fields but
// Admission and Auditor must be set before the first request.
type Entrance struct {
	Hub     *relay.Hub
	Apps    *auth.Apps
	Metrics *metrics.Metrics
	Log     *slog.Logger
	// WriteTimeout is how long a client may take nothing of what is sent to it
	// before it is cut off.
	WriteTimeout time.Duration
	// Admission says who is one too many; nil says that nobody is.
	Admission *Admission
	// Auditor keeps records of those who are refused, and must be the hub's; nil where nobody
	// does.
	Auditor relay.Auditor
}

// admit gives the client a seat, and finds its app. What a surplus client costs ends
// here.
func (e *Entrance) admit(r *http.Request) (seat, *auth.App, *protocol.Close) {
	place, over := e.enter(r)
	if over != noSurplus {
		return place, nil, over.close()
	}
	app, refused := e.findApp(r.PathValue("key"), r.URL.RawQuery, origins(r))
	return place, app, refused
}

// enter gives the client a seat, or counts it among those who get none.
func (e *Entrance) enter(r *http.Request) (seat, surplus) {
	place, over := e.Admission.enter(r)
	if over != noSurplus {
		e.Metrics.Shed.WithLabelValues(string(over)).Inc()
	}
	return place, over
}

// findApp finds the app of a key, and checks that the key is for clients, the origins that are
// named and the protocol version in the query, 4 to 7.
func (e *Entrance) findApp(key, parameters string, origins []string) (*auth.App, *protocol.Close) {
	app, ok := e.Apps.ByKey(key)
	if !ok {
		return nil, protocol.ErrUnknownKey(key)
	}
	_, refused := app.CheckConnect(key)
	switch {
	case refused != nil:
		e.Apps.Uses.Note(app.ID, key, auth.UseRefused, time.Now())
		return nil, refused
	case app.Disabled:
		return nil, protocol.ErrAppDisabled()
	case !allows(app.Origins, origins):
		e.Metrics.Shed.WithLabelValues("origin").Inc()
		return nil, protocol.ErrOrigin()
	}
	query, err := url.ParseQuery(parameters)
	if err != nil {
		return nil, protocol.ErrInvalidVersion()
	}
	version := query.Get("protocol")
	if version == "" {
		return app, nil
	}
	switch n, err := strconv.Atoi(version); {
	case err != nil:
		return nil, protocol.ErrInvalidVersion()
	case n < 4 || n > 7:
		return nil, protocol.ErrUnsupportedProtocol()
	}
	return app, nil
}

// origins are those that a request names: a page's. A browser names none where a page only has
// something loaded from elsewhere, by GET; it says so, and such a page counts as one without a
// name, since it would take up a connection that it may not have.
func origins(r *http.Request) []string {
	named := r.Header["Origin"]
	if len(named) == 0 && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return []string{"null"}
	}
	return named
}

// allows says whether all origins that a request names may connect: a browser names one.
func allows(allowed auth.Origins, named []string) bool {
	return !slices.ContainsFunc(named, func(origin string) bool { return !allowed.Allow(origin) })
}

// largest is the size of the largest message that a client of the app may send.
func largest(app *auth.App) int64 { return max(maxMessage, escaped*int64(app.Limits.Data)) }

// greeted notes a client that has its connection.
func (e *Entrance) greeted(conn *relay.Conn, app *auth.App, transport, remote string) {
	e.Log.Debug("client connected", "socket_id", conn.ID(), "app", app.ID, "transport", transport, "remote", remote)
}

// refused notes a client that has none.
func (e *Entrance) refused(why *protocol.Close, who *applicant) {
	e.Metrics.Refused.WithLabelValues(strconv.Itoa(why.Code)).Inc()
	e.noteRefused(why, who)
}
