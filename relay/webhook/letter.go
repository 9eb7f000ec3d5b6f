package webhook

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"buildrelay/auth"
)

// letter is what one request brings: the heads of lines. Who made it owns it, until it is
// among those that are to be tried again.
type letter struct {
	events []*event
	lines  []*line
	size   int

	// The body is made once, so that each try brings the same, and signed again only when
	// the app has no longer the key that signed it, or has it revoked or limited.
	body           []byte
	ids            string
	signer         auth.Key
	key, signature string

	tries int
	next  time.Time // when it is tried again
}

// write makes the body and signs it, unless that was done. An app that is disabled may have no
// key for that.
func (l *letter) write(app *auth.App) error {
	if l.body == nil {
		l.fill()
	}
	switch {
	case app.Vouches(&l.signer):
	case !app.CanSign():
		return forbidden("the app has no active key without limits, which would sign")
	default:
		l.signer = app.SigningKey()
		l.key, l.signature = app.SignWebhook(l.body)
	}
	return nil
}

func (l *letter) fill() {
	slices.SortStableFunc(l.events, compareEvents)
	ids := make([]string, len(l.events))
	for i, e := range l.events {
		ids[i] = idOf(e.Occurrence).String()
	}
	l.body, l.ids = body(l.events), strings.Join(ids, ",")
}

// request returns the request that brings the letter to hook.
func (l *letter) request(ctx context.Context, hook *auth.Webhook) (*http.Request, error) {
	to, err := auth.ParseWebhookURL(hook.URL)
	if err != nil {
		return nil, forbidden("the URL " + err.Error())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(l.body))
	if err != nil {
		return nil, forbidden("not a URL") // which the error would hold
	}
	for name, value := range hook.Headers {
		r.Header.Set(name, string(value))
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Pusher-Key", l.key)
	r.Header.Set("X-Pusher-Signature", l.signature)
	r.Header.Set("User-Agent", "buildrelay")
	r.Header.Set("X-Relay-Event-Ids", l.ids)
	return r, nil
}

// expires is when the letter is given up.
func (l *letter) expires() time.Time {
	newest := slices.MaxFunc(l.events, func(a, b *event) int { return a.Due.Compare(b.Due) })
	return newest.expires()
}

// lost says whether all that it tells is another node's.
func (l *letter) lost() bool {
	return !slices.ContainsFunc(l.events, func(e *event) bool { return !e.lost.Load() })
}

// letters are those to be tried again; the next one comes first, as [heap.Interface] has
// it.
type letters []*letter

func (l letters) Len() int           { return len(l) }
func (l letters) Less(i, j int) bool { return l[i].next.Before(l[j].next) }
func (l letters) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push is for package heap.
func (l *letters) Push(x any) { *l = append(*l, x.(*letter)) }

// Pop is for package heap.
func (l *letters) Pop() any {
	last := (*l)[len(*l)-1]
	*l = slices.Delete(*l, len(*l)-1, len(*l))
	return last
}

// dueBefore says whether a letter is to be tried now, and before what is ready at other,
// which may be zero.
func (l letters) dueBefore(now, other time.Time) bool {
	return len(l) > 0 && !l[0].next.After(now) && (other.IsZero() || cmp.Compare(l[0].next.UnixNano(), other.UnixNano()) <= 0)
}
