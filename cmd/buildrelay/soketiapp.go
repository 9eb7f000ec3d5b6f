package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// soketiMost is the most of anything that an app may have, as in an apps file.
const soketiMost = 10_000_000

// app translates soketi's one app. Where there is a file of apps its settings mean
// nothing.
func (s *soketi) app() {
	driver := s.choice("APP_MANAGER_DRIVER", "array", "mysql", "postgres", "dynamodb")
	if s.has("APPS_FILE") {
		s.appIgnored()
		return
	}
	if driver != "array" {
		s.refuse("APP_MANAGER_DRIVER", fmt.Sprintf("is %s: apps are not read from a database, list them in a file that RELAY_APPS_FILE names", driver))
		return
	}
	s.set("APP_ID", s.text("DEFAULT_APP_ID", "app-id"), "DEFAULT_APP_ID")
	s.set("APP_KEY", s.text("DEFAULT_APP_KEY", "app-key"), "DEFAULT_APP_KEY")
	s.secret()
	s.set("APP_ENABLED", strconv.FormatBool(s.flag("DEFAULT_APP_ENABLED", true)), "DEFAULT_APP_ENABLED")
	s.set("APP_CLIENT_EVENTS", strconv.FormatBool(s.flag("DEFAULT_APP_ENABLE_CLIENT_MESSAGES", false)), "DEFAULT_APP_ENABLE_CLIENT_MESSAGES")
	s.set("APP_SUBSCRIPTION_ERRORS", "true", "DEFAULT_APP_ID") // soketi's event for them
	s.set("APP_MAX_CONNECTIONS", s.most("DEFAULT_APP_MAX_CONNS"), "DEFAULT_APP_MAX_CONNS")
	s.set("APP_MAX_CLIENT_EVENTS", s.most("DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC"), "DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC")
	s.set("APP_MAX_MEMBERS", strconv.Itoa(s.whole("PRESENCE_MAX_MEMBERS", 100, 1, soketiMost)), "PRESENCE_MAX_MEMBERS")
	s.times()
	s.limits()
	s.webhooks()
}

// appIgnored tells that settings of soketi's app are there beside a file of apps.
func (s *soketi) appIgnored() {
	for _, name := range slices.Sorted(maps.Keys(s.theirs)) {
		if strings.HasPrefix(name, "DEFAULT_APP_") || name == "APP_MANAGER_DRIVER" {
			s.note(name, "the apps are those of RELAY_APPS_FILE: unset it")
		}
	}
}

// secret takes soketi's default secret, which everybody knows, only where no one else
// can use it.
func (s *soketi) secret() {
	const known = "app-secret"
	if s.has("APP_SECRET", "APP_SECRET_FILE") {
		return
	}
	listen := s.values[prefix+"LISTEN"]
	if s.has("LISTEN") {
		listen = s.ours[prefix+"LISTEN"]
	}
	secret := s.text("DEFAULT_APP_SECRET", known)
	if secret == known && !isLoopback(listen) {
		s.refuse("DEFAULT_APP_SECRET", fmt.Sprintf("is %s, soketi's default, by which anybody who reaches %s could publish and read: set a secret of your own", known, listen))
		return
	}
	s.set("APP_SECRET", secret, "DEFAULT_APP_SECRET")
}

func (s *soketi) times() {
	timeout := s.whole("USER_AUTHENTICATION_TIMEOUT", 30_000, 1000, 86_400_000)
	if s.flag("DEFAULT_APP_USER_AUTHENTICATION", false) {
		s.set("APP_AUTHORIZATION_TIMEOUT", strconv.Itoa(timeout)+"ms", "USER_AUTHENTICATION_TIMEOUT", "DEFAULT_APP_USER_AUTHENTICATION")
	}
	seconds := s.whole("CHANNEL_CACHE_TTL", 3600, -1, 365*24*3600)
	if seconds <= 0 {
		seconds = 365 * 24 * 3600 // soketi keeps it for ever
	}
	s.set("APP_CACHE_TTL", strconv.Itoa(seconds)+"s", "CHANNEL_CACHE_TTL")
}

// limits sets those of RELAY_APP_LIMITS that it does not have. More than an apps file may
// allow is an error here, too: what is sent by it would be refused.
func (s *soketi) limits() {
	limits := []string{
		"channel_name=" + strconv.Itoa(s.whole("CHANNEL_LIMITS_MAX_NAME_LENGTH", 200, 1, 200)),
		"event_name=" + strconv.Itoa(s.whole("EVENT_MAX_NAME_LENGTH", 200, 1, protocol.MaxEventName)),
		"data=" + s.kibibytes("EVENT_MAX_SIZE_IN_KB", 100, protocol.MaxRedisData>>10),
		"channels=" + strconv.Itoa(s.whole("EVENT_MAX_CHANNELS_AT_ONCE", 100, 1, 10_000)),
		"batch=" + strconv.Itoa(s.whole("EVENT_MAX_BATCH_SIZE", 10, 1, 1000)),
		"member_size=" + s.kibibytes("PRESENCE_MAX_MEMBER_SIZE", 2, 32),
		"publishes=" + s.most("DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC"),
		"reads=" + s.most("DEFAULT_APP_MAX_READ_REQ_PER_SEC"),
	}
	own := strings.Fields(s.ours[prefix+"APP_LIMITS"])
	limits = slices.DeleteFunc(limits, func(limit string) bool {
		name, _, _ := strings.Cut(limit, "=")
		return slices.ContainsFunc(own, func(o string) bool { return strings.HasPrefix(o, name+"=") })
	})
	s.values[prefix+"APP_LIMITS"] = strings.Join(append(limits, own...), " ")
	s.from[prefix+"APP_LIMITS"] = "SOKETI_CHANNEL_LIMITS_…, SOKETI_EVENT_MAX_…, SOKETI_PRESENCE_MAX_… and SOKETI_DEFAULT_APP_MAX_…"
}

// soketiWebhook is one of DEFAULT_APP_WEBHOOKS.
type soketiWebhook struct {
	URL        string            `json:"url"`
	Lambda     string            `json:"lambda_function"`
	Headers    map[string]string `json:"headers"`
	EventTypes []string          `json:"event_types"`
	Filter     struct {
		Prefix string `json:"channel_name_starts_with"`
		Suffix string `json:"channel_name_ends_with"`
	} `json:"filter"`
}

// relayWebhook is one of RELAY_APP_WEBHOOKS.
type relayWebhook struct {
	URL     string            `json:"url"`
	Events  []string          `json:"events,omitempty"`
	Prefix  string            `json:"channel_prefix,omitempty"`
	Suffix  string            `json:"channel_suffix,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Batch   string            `json:"batch,omitempty"`
}

func (s *soketi) webhooks() {
	const name = "DEFAULT_APP_WEBHOOKS"
	batch := s.batch()
	var theirs []soketiWebhook
	if text := s.text(name, "[]"); json.Unmarshal([]byte(text), &theirs) != nil {
		s.refuse(name, `is no JSON list of webhooks such as [{"url":"https://…","event_types":["channel_occupied"]}]`)
		return
	}
	var ours []relayWebhook
	for i, w := range theirs {
		if w.URL == "" && w.Lambda != "" {
			s.note(name, fmt.Sprintf("webhook %d calls a Lambda function: give it a url that does", i+1))
			continue
		}
		if w.EventTypes != nil && len(w.EventTypes) == 0 {
			continue // soketi tells it nothing
		}
		if err := w.check(); err != nil {
			s.refuse(name, fmt.Sprintf("is wrong in webhook %d: %v", i+1, err))
		}
		ours = append(ours, relayWebhook{w.URL, w.EventTypes, w.Filter.Prefix, w.Filter.Suffix, w.Headers, batch})
	}
	if len(ours) == 0 {
		return
	}
	text, err := json.Marshal(ours)
	if err != nil {
		s.refuse(name, err.Error())
		return
	}
	if s.has("APP_WEBHOOKS") {
		return // these say where they may go themselves
	}
	s.set("APP_WEBHOOKS", string(text), name)
	// soketi sends them anywhere, and most receivers are in the house.
	s.set("WEBHOOK_NETWORKS", "private,loopback", name)
}

// check tells what is wrong with the webhook; the text does not hold its URL, which may
// be secret.
func (w *soketiWebhook) check() error {
	if _, err := auth.ParseWebhookURL(w.URL); err != nil {
		return fmt.Errorf("its url %w", err)
	}
	for _, event := range w.EventTypes {
		if !slices.Contains(protocol.Hooks(), event) {
			return fmt.Errorf("the event type %q is none of %s", event, strings.Join(protocol.Hooks(), ", "))
		}
	}
	return nil
}

// batch is how long webhooks' events are collected, "" if they are not.
func (s *soketi) batch() string {
	duration := s.whole("WEBHOOKS_BATCHING_DURATION", 50, 1, 60_000)
	if !s.flag("WEBHOOKS_BATCHING", false) {
		return ""
	}
	return strconv.Itoa(duration) + "ms"
}
