package authorize

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// Handler answers clients who want to subscribe or to sign in. All fields are required, but the
// Auditor, the Revocations and the App.
type Handler struct {
	Apps *auth.Apps
	// App is the id of the one app that is signed for: another's users are no matter of the Decider.
	// "" is the only one there is; where there are more, nothing is signed then.
	App      string
	Patterns Patterns
	Decider  Decider
	// Revocations are what takes decisions back; nil where nothing does.
	Revocations *relay.Revocations
	Metrics     metrics.Authorizations
	Auditor     relay.Auditor // nil where no records are kept
	// Address is whom a request is from.
	Address func(*http.Request) netip.Addr
	Now     func() time.Time
}

// Channels serves those who want to subscribe.
func (h *Handler) Channels() http.Handler { return h.handler(false) }

// Users serves those who want to sign in.
func (h *Handler) Users() http.Handler { return h.handler(true) }

func (h *Handler) handler(signin bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if err := h.serve(w, r, signin); err != nil {
			why := refusalOf(err)
			h.Metrics.Authorizations.WithLabelValues(why.outcome).Inc()
			http.Error(w, why.message, why.status)
		}
	})
}

// serve answers what it does not return an error for.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, signin bool) error {
	if r.Method != http.MethodPost && r.Method != http.MethodOptions {
		w.Header().Set("Allow", "POST, OPTIONS")
		return &refusal{http.StatusMethodNotAllowed, outcomeInvalid, "only POST is answered; authTransport jsonp is not supported, as any page could read the answer"}
	}
	app, err := h.findApp(r)
	if err != nil {
		return err
	}
	allowed := allowPage(w, r, app)
	foreign := &refusal{http.StatusForbidden, outcomeCrossSite, "pages of this origin may not ask here: the app must name it among its origins"}
	if r.Method == http.MethodOptions {
		if !allowed {
			return foreign
		}
		preflight(w, r)
		return nil
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	a, err := readAsked(form, app, signin)
	if err != nil {
		return err
	}
	if !allowed {
		h.noteRefused(r, a, strings.Join(a.channels, " "), foreign)
		return foreign
	}
	return h.answer(w, r, a)
}

// answer decides and answers.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, a asked) error {
	if a.batch {
		writeJSON(w, h.signAll(r, a))
		return nil
	}
	channel := strings.Join(a.channels, "") // the only one, or none
	signed, err := h.sign(r.Context(), a, h.question(r, a, channel))
	if err != nil {
		h.noteRefused(r, a, channel, refusalOf(err))
		return err
	}
	h.Metrics.Authorizations.WithLabelValues(outcomeGranted).Inc()
	writeJSON(w, signed)
	return nil
}

// one is the answer for one channel of several.
type one struct {
	Status int     `json:"status"`
	Data   *signed `json:"data,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// signAll answers for several channels, a few at a time. It waits for all.
func (h *Handler) signAll(r *http.Request, a asked) map[string]one {
	var mu sync.Mutex
	var all errgroup.Group
	all.SetLimit(mostAtOnce)
	answers := make(map[string]one, len(a.channels))
	for _, channel := range a.channels {
		all.Go(func() error {
			answer := h.signOne(r, a, channel)
			mu.Lock()
			defer mu.Unlock()
			answers[channel] = answer
			return nil
		})
	}
	_ = all.Wait() // each has its error in its answer
	return answers
}

func (h *Handler) signOne(r *http.Request, a asked, channel string) one {
	signed, err := h.sign(r.Context(), a, h.question(r, a, channel))
	if err != nil {
		why := refusalOf(err)
		h.noteRefused(r, a, channel, why)
		h.Metrics.Authorizations.WithLabelValues(why.outcome).Inc()
		return one{Status: why.status, Error: why.message}
	}
	h.Metrics.Authorizations.WithLabelValues(outcomeGranted).Inc()
	return one{Status: http.StatusOK, Data: signed}
}

func (h *Handler) question(r *http.Request, a asked, channel string) Question {
	return Question{
		App: a.app.ID, SocketID: a.socketID, Channel: channel, Address: h.Address(r),
		Cookie:        auth.Secret(strings.Join(r.Header.Values("Cookie"), "; ")),
		Authorization: auth.Secret(r.Header.Get("Authorization")),
	}
}

// signed is the answer to a client who may.
type signed struct {
	Auth        string  `json:"auth"`
	ChannelData *string `json:"channel_data,omitempty"`
	UserData    *string `json:"user_data,omitempty"`
}

// sign signs what is asked for, once it is decided that the client may.
func (h *Handler) sign(ctx context.Context, a asked, q Question) (*signed, error) {
	if q.Channel == "" {
		return h.signUser(ctx, a, q)
	}
	if !signable(q.Channel) {
		return nil, &refusal{http.StatusForbidden, outcomeKind, "only private and presence channels are signed here; the keys of encrypted ones are the backend's"}
	}
	var ok bool
	if q.Pattern, q.Fields, ok = h.Patterns.carve(q.Channel); !ok {
		return nil, &refusal{http.StatusForbidden, outcomePattern, "no pattern has channels of this name"}
	}
	answer, err := h.decide(ctx, q)
	if err != nil {
		return nil, err
	}
	var s signed
	if isPresence(q.Channel) {
		if s.ChannelData, err = answer.channelData(a.app.Limits); err != nil {
			return nil, err
		}
	}
	s.Auth = answer.decision().SignChannel(a.app.SigningKey(), q.SocketID, q.Channel, s.ChannelData)
	return &s, nil
}

func (h *Handler) signUser(ctx context.Context, a asked, q Question) (*signed, error) {
	answer, err := h.decide(ctx, q)
	if err != nil {
		return nil, err
	}
	user, err := answer.userData(a.app.Limits)
	if err != nil {
		return nil, err
	}
	return &signed{Auth: answer.decision().SignUser(a.app.SigningKey(), q.SocketID, user), UserData: &user}, nil
}

// decide asks nothing about clients that do not show who they are: anybody could keep the decider
// busy so. Of an answer that is revoked while it is given nobody knows what it is worth: it is asked
// again.
func (h *Handler) decide(ctx context.Context, q Question) (Answer, error) {
	if q.Cookie == "" && q.Authorization == "" {
		return Answer{}, &refusal{http.StatusForbidden, outcomeAnonymous, "no credentials: the request has neither cookies nor Authorization"}
	}
	for range mostTries {
		q.After = h.Revocations.Last(q.App)
		answer, err := h.Decider.Decide(ctx, q)
		if err != nil {
			return Answer{}, err
		}
		if answer.After == 0 {
			answer.After = q.After
		}
		if !h.Revocations.Doubted(q.App, q.Channel, answer.decision()) {
			return answer, nil
		}
	}
	return Answer{}, errors.New("decisions are revoked faster than they are made")
}

// mostTries is how often it is asked anew since the answer was revoked meanwhile.
const mostTries = 3

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who does not read it needs no answer
}
