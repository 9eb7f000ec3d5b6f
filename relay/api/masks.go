package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
	"buildrelay/relay/masks"
)

// Masks keep what publishers want masked.
type Masks interface {
	// Mask replaces what is masked on a channel, on all of the app where it is "", until a time;
	// without values nothing is any more. What this node publishes from its return on is masked.
	// Its error holds no value.
	Mask(ctx context.Context, appID, channel string, values []string, until time.Time) error
	// Masked says whether anything is masked on a channel.
	Masked(appID, channel string) bool
}

// How long values are masked.
const (
	mostMasked    = 90 * 24 * time.Hour
	appMasked     = 7 * 24 * time.Hour // by default, on a whole app without logs that are kept for longer
	channelMasked = 24 * time.Hour     // by default, on a channel without a log
	// beyondLog is how much longer than a log keeps its events after the last of them.
	beyondLog = 24 * time.Hour
)

// registration is the body of POST masks.
type registration struct {
	channel string // "" for the whole app
	values  []string
	ttl     time.Duration // 0 where it is not given
}

// registered is the answer.
type registered struct {
	Masked int `json:"masked"` // how many of the values
	// Until is when that ends; it is not there where nothing is masked.
	Until   string         `json:"until,omitempty"`
	Refused []refusedValue `json:"refused"`
}

// refusedValue says why a value is not masked, without the value.
type refusedValue struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// postMasks registers values that are masked on a channel, or on all of the app, from now on. No
// error and no record holds a value.
func (a *API) postMasks(ctx context.Context, c *call) (reply, error) {
	if a.Masks == nil {
		return nil, &failure{status: http.StatusNotFound, message: "nothing is masked here"}
	}
	r, err := c.readRegistration()
	if err != nil {
		return nil, err
	}
	if err := a.allow(c.app, publishes, 1); err != nil {
		return nil, err
	}
	good, refused, err := masks.Check(r.values)
	if err != nil {
		return nil, badRequest("%s", err)
	}
	answer := registered{Masked: len(good), Refused: []refusedValue{}}
	for _, value := range refused {
		answer.Refused = append(answer.Refused, refusedValue{value.Index, value.Reason})
	}
	until := a.Now().Add(r.ttl)
	if len(good) > 0 {
		answer.Until = until.UTC().Format(time.RFC3339)
	}
	if err := a.register(ctx, c, audit.MaskRegister{Channel: audit.Clean(r.channel), Count: len(good), Until: answer.Until}); err != nil {
		return nil, err
	}
	if err := a.Masks.Mask(ctx, c.app.ID, r.channel, good, until); err != nil {
		a.noteNotMasked(c, r.channel, len(good))
		return nil, maskFailure(err)
	}
	return answer, nil
}

func (a *API) masked(appID, channel string) bool {
	return a.Masks != nil && a.Masks.Masked(appID, channel)
}

// maskFailure is the answer where a registration was not kept.
func maskFailure(err error) error {
	for _, known := range []error{protocol.ErrMaskKeys, protocol.ErrMasksFull, protocol.ErrFull} {
		if errors.Is(err, known) {
			return err
		}
	}
	return unavailable("what is to be masked could not be registered", err)
}

// readRegistration reads the body, and refuses what the key or the channel does not allow. Who is
// limited to channels, as a fork's build, registers nothing: it could take back what others did.
func (c *call) readRegistration() (registration, error) {
	r, err := parseRegistration(c.body)
	if err == nil {
		err = c.signer.CheckUnlimited(auth.RightPublish, "register what is masked")
	}
	if err == nil && r.channel != "" {
		err = c.checkMasked(r.channel)
	}
	if err == nil {
		r.ttl, err = c.maskedFor(r)
	}
	return r, err
}

// checkMasked refuses channels on which nothing can be masked.
func (c *call) checkMasked(channel string) error {
	if err := protocol.CheckChannel(channel, c.app.Limits.ChannelName); err != nil {
		return err
	}
	if protocol.KindOf(channel).Encrypted() {
		return badRequest("%s is encrypted from end to end: the relay can't read, nor mask, what is published there", channel)
	}
	return nil
}

var errRegistration = badRequest(`the body must be {"channel":"…","values":["…"],"ttl":N}: channel may be left out, for the whole app, and ttl; there is nothing else, and nothing twice`)

// parseRegistration reads the body of POST masks. Its errors hold nothing of it.
func parseRegistration(body []byte) (registration, error) {
	v, extra, err := protocol.ReadObject(body, "channel", "values", "ttl")
	if err != nil || len(extra) > 0 || v[1] == nil {
		return registration{}, errRegistration
	}
	var r registration
	channel, err := optionalText("channel", v[0])
	if err != nil {
		return r, err
	}
	if channel != nil {
		if r.channel = *channel; r.channel == "" {
			return r, badRequest("channel is empty: name one, or leave it out for the whole app")
		}
	}
	if r.values, err = texts("values", v[1]); err != nil {
		return r, err
	}
	if v[2] == nil {
		return r, nil
	}
	seconds, err := strconv.ParseInt(string(v[2]), 10, 64)
	if err != nil || seconds < 1 || seconds > int64(mostMasked/time.Second) {
		return r, badRequest("ttl must be whole seconds from 1 to %d", int64(mostMasked/time.Second))
	}
	r.ttl = time.Duration(seconds) * time.Second
	return r, nil
}

// maskedFor is how long values are masked: what a log keeps for as long as it is there, and a day
// more, in which a build publishes.
func (c *call) maskedFor(r registration) (time.Duration, error) {
	least, usual, whose := c.logMasked(r.channel), channelMasked, "of "+r.channel
	if r.channel == "" {
		usual, whose = appMasked, "of a channel of the app"
	}
	if r.ttl == 0 {
		return min(max(usual, least), mostMasked), nil
	}
	if len(r.values) > 0 && r.ttl < min(least, mostMasked) {
		return 0, badRequest("ttl must be at least %.0f, a day more than the log %s keeps its events: they would be shown unmasked after it",
			math.Ceil(min(least, mostMasked).Seconds()), whose)
	}
	return r.ttl, nil
}

// logMasked is how long values matter for what the log of a channel keeps, for what any does of the
// app where it is ""; 0 where there is none.
func (c *call) logMasked(channel string) (least time.Duration) {
	rules := c.app.Logs
	if channel != "" {
		rules = nil
		if rule := c.app.Logs.Find(channel); rule != nil {
			rules = protocol.LogRules{*rule}
		}
	}
	for _, rule := range rules {
		least = max(least, rule.Keep+beyondLog)
	}
	return least
}

// register keeps the record before anything is registered.
func (a *API) register(ctx context.Context, c *call, payload audit.MaskRegister) error {
	if a.Auditor == nil {
		return nil
	}
	return a.confirm(ctx, a.record(c.who, c.app.ID, audit.ActionMaskRegister, maskedTarget(c.app.ID, payload.Channel), payload))
}

// noteNotMasked notes that what was recorded did not happen.
func (a *API) noteNotMasked(c *call, channel string, count int) {
	if a.Auditor == nil {
		return
	}
	channel = audit.Clean(channel)
	r := a.record(c.who, c.app.ID, audit.ActionMaskRegister, maskedTarget(c.app.ID, channel), audit.MaskRegister{Channel: channel, Count: count})
	r.Success = false
	a.Auditor.Note(r)
}

// maskedTarget is what is masked, as records have it.
func maskedTarget(appID, channel string) audit.Entity {
	if channel == "" {
		return audit.Entity{ID: appID, Type: "app"}
	}
	return audit.Entity{ID: channel, Type: "channel", Name: channel}
}
