package relaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"buildrelay/auth"
)

// Rounds are what backends and pages do by one key, over and over: publish an event by the HTTP
// API; connect, subscribe to a private channel, and go.
type Rounds struct {
	address string
	key     auth.Key
	channel string
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	done  int
	wrong []error
}

// StartRounds has n of them at a time go round at the relay at address, until Stop, or the end
// of the test.
func StartRounds(t testing.TB, address string, key auth.Key, n int) *Rounds {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &Rounds{address: address, key: key, channel: "private-rounds", stop: stop}
	for range n {
		r.running.Go(func() { r.goRound(ctx) })
	}
	t.Cleanup(func() { _, _ = r.Stop() })
	Eventually(t, "a round is done", func() bool { return r.count() > 0 })
	return r
}

// Stop ends them. It returns how many rounds were done, and what went wrong.
func (r *Rounds) Stop() (done int, wrong error) {
	r.stop()
	r.running.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done, errors.Join(r.wrong...)
}

func (r *Rounds) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done + len(r.wrong)
}

func (r *Rounds) goRound(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.publish(ctx)
		if err == nil {
			err = r.subscribe(ctx)
		}
		if ctx.Err() != nil {
			return // what broke off is not wrong
		}
		r.mu.Lock()
		if err == nil {
			r.done++
		} else {
			r.wrong = append(r.wrong, fmt.Errorf("%s: %w", r.key.Key, err))
		}
		r.mu.Unlock()
	}
}

func (r *Rounds) publish(ctx context.Context) error {
	const path = "/apps/" + AppID + "/events"
	body := `{"name":"round","channel":"` + r.channel + `","data":"x"}`
	url := "http://" + r.address + path + "?" + auth.SignRequest(r.key, http.MethodPost, path, nil, []byte(body), time.Now())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("publishing: %s %s", response.Status, answer)
	}
	return err
}

func (r *Rounds) subscribe(ctx context.Context) error {
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+r.address+"/app/"+r.key.Key+"?protocol=7", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	for {
		var m struct{ Event, Data string }
		_, p, err := conn.ReadMessage()
		if err != nil {
			return fmt.Errorf("subscribing: %w", err)
		}
		if err := json.Unmarshal(p, &m); err != nil {
			return fmt.Errorf("subscribing: %s", p)
		}
		switch m.Event {
		case "pusher:connection_established":
			var greeting struct {
				SocketID string `json:"socket_id"`
			}
			if err := json.Unmarshal([]byte(m.Data), &greeting); err != nil {
				return err
			}
			signed := auth.SignChannel(r.key, greeting.SocketID, r.channel, nil)
			request := fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q}}`, r.channel, signed)
			if err := conn.WriteMessage(websocket.TextMessage, []byte(request)); err != nil {
				return err
			}
		case "pusher_internal:subscription_succeeded":
			return conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		}
	}
}
