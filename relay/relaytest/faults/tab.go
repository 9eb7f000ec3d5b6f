package faults

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// tab is a page of a user that comes to a presence channel and leaves it again and
// again, each time in another way.
type tab struct {
	user, channel string
	urls          []string    // of relays; it takes any of them
	tls           *tls.Config // for wss
	stay          time.Duration
	// steady says that it never leaves of itself, stays that it is to be there in the end.
	steady, stays bool
	// visits is how many it makes before it is gone for good, 0 if there is no such number:
	// a leave that nobody was told is made up for by nothing.
	visits   int
	dice     dice
	settling <-chan struct{}
	diary    *diary

	mu   sync.Mutex
	view *view // of the visit that it has been let in for, nil without one
}

// run comes and goes until ctx ends.
func (t *tab) run(ctx context.Context) {
	pause(t.dice.between(0, time.Second), ctx.Done())
	for n := 1; ctx.Err() == nil; n++ {
		if t.isOver() && !t.stays {
			return
		}
		t.session(ctx)
		if n == t.visits {
			return
		}
		t.pause(ctx, t.away())
	}
}

// away is how long it is gone: often shortly, so that it comes back before everybody
// knows, and sometimes for so long that a fault comes and goes meanwhile.
func (t *tab) away() time.Duration {
	switch {
	case t.steady:
		return t.dice.between(20*time.Millisecond, 200*time.Millisecond)
	case t.dice.IntN(3) == 0:
		return t.dice.between(t.stay, 3*t.stay)
	default:
		return t.dice.between(100*time.Millisecond, t.stay/4)
	}
}

// isOver says that nobody comes and goes any more.
func (t *tab) isOver() bool {
	select {
	case <-t.settling:
		return true
	default:
		return false
	}
}

// pause waits, but not beyond the time when it has to be where it is to be.
func (t *tab) pause(ctx context.Context, d time.Duration) {
	if t.isOver() {
		pause(min(d, 200*time.Millisecond), ctx.Done())
		return
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-t.settling:
	case <-ctx.Done():
	}
}

// session is the life of a connection, with a visit or several.
func (t *tab) session(ctx context.Context) {
	s, err := dial(ctx, t.urls[t.dice.IntN(len(t.urls))], t.tls, newWire(0))
	if err != nil {
		return // the relay is down
	}
	defer s.close()
	for {
		err := t.visit(ctx, s)
		t.end()
		if err != nil {
			return
		}
		t.pause(ctx, t.dice.between(0, t.stay/8))
		if t.isOver() && !t.stays || t.visits > 0 || ctx.Err() != nil {
			return
		}
	}
}

// visit is the time from a subscription to its end. With an error the connection has
// ended too.
func (t *tab) visit(ctx context.Context, s *socket) error {
	if err := s.send(t.subscription(s.socketID)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var leaving sync.WaitGroup
	defer leaving.Wait()
	defer cancel()
	for {
		f, err := s.next()
		if err != nil {
			return err
		}
		switch {
		case f.Event == "pusher:pong":
			return nil // it had unsubscribed
		case f.Event == "pusher:error" && !isPassing(f):
			t.diary.wrong("%s on %s was told %s", t.user, t.channel, f.Data)
		case f.Channel == t.channel:
			t.take(f)
			if f.Event == succeeded {
				how := t.dice.IntN(3)
				life := t.dice.between(t.stay/4, 2*t.stay)
				leaving.Go(func() { t.leave(ctx, s, how, life) })
			}
		}
	}
}

// leave ends a visit after its time, or sooner when it must not be there in the end.
// Those that are to stay do not leave any more then.
func (t *tab) leave(ctx context.Context, s *socket, how int, life time.Duration) {
	timer := time.NewTimer(life)
	defer timer.Stop()
	over := timer.C
	if t.steady {
		over = nil
	}
	select {
	case <-ctx.Done():
		return
	case <-over:
	case <-t.settling:
		if t.stays {
			return
		}
	}
	t.depart()
	switch how {
	case 0:
		_ = s.conn.Close() // as a process that is killed
	case 1:
		goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = s.conn.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second)) // or it is closed already
	default:
		_ = s.send(fmt.Sprintf(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, t.channel)) // likewise
		_ = s.send(`{"event":"pusher:ping","data":{}}`)
	}
}

func (t *tab) subscription(socketID string) string {
	data := fmt.Sprintf(`{"user_id":%q,"user_info":{"of":%[1]q}}`, t.user)
	signed := auth.SignChannel(auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}, socketID, t.channel, &data)
	return fmt.Sprintf(`{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q,"channel_data":%q}}`, signed, t.channel, data)
}

// take is given all that comes on the channel.
func (t *tab) take(f frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := errors.New("that is nothing of a presence channel")
	switch {
	case f.Event == succeeded && t.view == nil:
		t.view, err = newView(t.user, t.channel, f.text())
		t.diary.letIn()
	case t.view == nil:
		return // it was on its way when the tab unsubscribed
	case f.Event == "relay:lost":
		err = nil // a link broke, and client events may be missing
	case f.Event == "pusher_internal:member_added":
		err = t.view.joined(f.text())
	case f.Event == "pusher_internal:member_removed":
		err = t.view.left(f.text())
	}
	if err != nil {
		t.diary.wrong("%s on %s, told %s: %w", t.user, t.channel, f.text(), err)
	}
}

// depart notes that from now on the user may be said to have left.
func (t *tab) depart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.view != nil && t.view.visit.ended.IsZero() {
		t.view.visit.ended = time.Now()
	}
}

// end ends the view of a visit.
func (t *tab) end() {
	t.depart()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.view != nil {
		t.diary.keep(t.view)
		t.view = nil
	}
}

// sees is whom it sees now; false means that it is not there.
func (t *tab) sees() (users map[string]bool, there bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.view == nil {
		return nil, false
	}
	return t.view.copy(), true
}

// succeeded is the event that a subscription succeeded.
const succeeded = "pusher_internal:subscription_succeeded"

// userOf reads the data of an event about a member.
func userOf(data string) (string, error) {
	var member struct {
		ID   string          `json:"user_id"`
		Info json.RawMessage `json:"user_info"`
	}
	if err := json.Unmarshal([]byte(data), &member); err != nil || member.ID == "" {
		return "", fmt.Errorf("it names no user: %w", err)
	}
	if want := fmt.Sprintf(`{"of":%q}`, member.ID); member.Info != nil && string(member.Info) != want {
		return "", fmt.Errorf("the user's info is not %s", want)
	}
	return member.ID, nil
}
