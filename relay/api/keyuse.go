package api

import (
	"errors"
	"net/http"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
)

// eventsOf returns the events of a publication, checked, if the key may publish them. Whoever
// asks about the channels as well needs the right to read them.
func (c *call) eventsOf(p *publication) ([]protocol.Event, error) {
	events, err := p.events(c.app)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if err := c.signer.CheckRight(auth.RightPublish, e.Channel); err != nil {
			return nil, err
		}
		if len(p.asked()) == 0 {
			continue
		}
		if err := c.signer.CheckRight(auth.RightRead, e.Channel); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// checkStanding refuses a call that reads, perhaps for hours, once it would not be taken any
// more: its key was revoked, limited, given another secret or taken away, its app disabled or
// taken away, its client certificate revoked. As long as it is taken the key is in use.
func (a *API) checkStanding(c *call) error {
	app, _ := a.Apps.ByID(c.app.ID)
	key, err := app.CheckAgain(c.signer)
	if err == nil {
		err = key.CheckRight(auth.RightRead, c.name)
	}
	if err == nil {
		err = a.checkShown(c.tls)
	}
	if err == nil {
		a.noteKeyUsed(c, auth.RightRead)
	}
	return err
}

// refuses says whether an error tells that the caller may not do what was asked.
func refuses(err error) bool {
	status, _ := statusOf(err)
	return err != nil && (status == http.StatusUnauthorized || status == http.StatusForbidden)
}

// noteKeyUsed notes that the key has signed a call for which it has the right.
func (a *API) noteKeyUsed(c *call, right auth.Right) {
	as := auth.UsePublish
	if right == auth.RightRead {
		as = auth.UseRead
	}
	a.Apps.Uses.Note(c.app.ID, c.signer.Key, as, a.Now())
}

// noteKeyRefused notes that a key was refused since it is revoked, or lacks a right. Of calls
// that publish, or end connections, there are records of their own.
func (a *API) noteKeyRefused(r *http.Request, t target, err error) {
	var refused *auth.RequestError
	if !errors.As(err, &refused) || refused.Cause != auth.CauseRevoked && refused.Cause != auth.CauseRights {
		return
	}
	app, key := a.app(t, r), auth.RequestKey(r.URL.RawQuery)
	if app == nil {
		return
	}
	a.Apps.Uses.Note(app.ID, key, auth.UseRefused, a.Now())
	if a.Auditor == nil || !t.reads() {
		return
	}
	who := &caller{key: audit.Clean(key), address: a.address(r), request: requestID(r.Header.Get("X-Request-Id"))}
	record := a.record(who, app.ID, audit.ActionKeyRefuse, audit.Entity{ID: who.key, Type: "key"}, audit.KeyRefuse{
		App: app.ID, Key: who.key, Use: string(auth.UseRead), Reason: refused.Cause, Count: 1,
	})
	record.Success = false
	a.Auditor.Refused(record, refused.Cause, relay.Facts{Address: who.address}.IP())
}
