// Package metrics names what a node counts. Labels are never taken from what a
// client sent: the id or a key of an app, a code, a reason from a fixed list.
package metrics

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the counters and gauges of one node. All are ready to use after
// [New]; every method of theirs is safe for concurrent use.
type Metrics struct {
	// Connections are the open ones, by app.
	Connections *prometheus.GaugeVec
	// Closed counts connections that the relay ended, by close code.
	Closed *prometheus.CounterVec
	// Refused counts connections that were refused at the handshake, by close code.
	Refused *prometheus.CounterVec
	// BadHandshakes counts requests for a WebSocket that were none, and got a status.
	BadHandshakes prometheus.Counter
	// Sessions are the clients without WebSockets, by transport: "streaming", "polling".
	Sessions *prometheus.GaugeVec
	// SessionRotations counts streaming responses that came to their length, SessionsRequeued
	// the writes that failed and wait for the next response, and SessionsUnknown the requests
	// for sessions that are not, or no more.
	SessionRotations, SessionsRequeued, SessionsUnknown prometheus.Counter
	// SessionsForwarded counts the requests that went on to the node that has the session, by
	// outcome: "answered", "failed".
	SessionsForwarded *prometheus.CounterVec
	// Messages counts what clients sent, by app.
	Messages *prometheus.CounterVec
	// ClientErrors counts the pusher:error events that clients were told, by app.
	ClientErrors *prometheus.CounterVec

	// Channels and Subscriptions are those with a reader on this node.
	Channels, Subscriptions prometheus.Gauge
	// Frames, Bytes and Writes count what went out to clients.
	Frames, Bytes, Writes prometheus.Counter
	// Lost counts frames that a slow reader missed, and was told so.
	Lost prometheus.Counter
	// Stalled counts writes that the client's socket did not take at once.
	Stalled prometheus.Counter

	// RedisUp is 1 while the node hears Redis, else 0.
	RedisUp prometheus.Gauge
	// RedisLinks counts the pub/sub connections made; every one after the first
	// replaced a dead one.
	RedisLinks prometheus.Counter
	// Events counts the events received from Redis.
	Events prometheus.Counter
	// Dropped counts messages from Redis that could not be delivered, by reason.
	Dropped *prometheus.CounterVec
	// LogBad counts reads of logs that found what makes no sense, by what: "entry", an
	// entry missing or unreadable; "meta"; "type", of a key that is no log.
	LogBad *prometheus.CounterVec
	// CacheBad counts reads of cache channels that found what is no event.
	CacheBad prometheus.Counter

	// LogReads counts reads of logs for subscribers, LogMissed the losses that were
	// found by comparing with a log, and LogGaps what readers were told, by reason.
	LogReads, LogMissed prometheus.Counter
	LogGaps             *prometheus.CounterVec
	// LogUnkept counts events on log channels that are not from the log.
	LogUnkept prometheus.Counter
	// LogStale are the log channels whose readers were told that they may be behind.
	LogStale prometheus.Gauge

	// Requests counts HTTP API calls, by route and status.
	Requests *prometheus.CounterVec
	// RequestTime is how long they took, by route; those that wait or stream take as long as
	// they were asked to.
	RequestTime *prometheus.HistogramVec
	// Repeats counts events that were published again, by Idempotency-Key or their id, and
	// dropped, by app.
	Repeats *prometheus.CounterVec
	// Limited counts what was refused because of a limit of the app, by app and what the
	// limit is of: "client_events", "subscribes", "messages", "channels", "publishes",
	// "reads".
	Limited *prometheus.CounterVec
	// Shed counts handshakes that were refused for the node's sake, and calls of the HTTP
	// API, by why: "connections", "address_connections", "handshakes",
	// "address_handshakes", "memory", "descriptors", "origin", "address_calls".
	Shed *prometheus.CounterVec

	// Apps are those in force, AppsGood is 1 while they are what the apps file says, and
	// AppsReloads counts the changes of that file, by outcome: "taken", "refused".
	Apps, AppsGood prometheus.Gauge
	AppsReloads    *prometheus.CounterVec

	// Hooks counts events of webhooks, by app and outcome: "delivered"; "expired", after
	// five minutes of trying; "dropped", of too many that wait. HookCalls counts the
	// requests, by app and outcome: "delivered", "failed", "forbidden". HookTime is how
	// long they took.
	Hooks, HookCalls *prometheus.CounterVec
	HookTime         prometheus.Histogram
	// HooksWaiting are the events that this node has yet to tell, by app.
	HooksWaiting *prometheus.GaugeVec
	// HooksLost counts events that never came to be told: Redis or the node had too many, or
	// they were of no app.
	HooksLost prometheus.Counter

	Audit
	Access
	Authorizations
	Certificates
	Sealing
	Masking
}

// New returns metrics that are registered with reg.
func New(reg prometheus.Registerer) *Metrics {
	f := factory{reg}
	return &Metrics{
		Connections:   f.gauges("connections", "Open connections.", "app"),
		Closed:        f.counters("connections_closed_total", "Connections ended by the relay.", "code"),
		Refused:       f.counters("connections_refused_total", "Connections refused at the handshake.", "code"),
		BadHandshakes: f.counter("handshakes_bad_total", "Requests for a WebSocket that were none."),

		Sessions:          f.gauges("sessions", "Clients without WebSockets.", "transport"),
		SessionRotations:  f.counter("session_rotations_total", "Streaming responses that came to their length."),
		SessionsRequeued:  f.counter("session_requeued_total", "Writes to sessions that failed and were kept for the next response."),
		SessionsUnknown:   f.counter("sessions_unknown_total", "Requests for sessions that this node does not know."),
		SessionsForwarded: f.counters("sessions_forwarded_total", "Requests that went on to the node with their session.", "outcome"),

		Messages:      f.counters("client_messages_total", "Messages received from clients.", "app"),
		ClientErrors:  f.counters("client_errors_total", "Errors told to clients on connections that stay open.", "app"),
		Channels:      f.gauge("channels", "Channels with a reader on this node."),
		Subscriptions: f.gauge("subscriptions", "Subscriptions on this node."),
		Frames:        f.counter("frames_sent_total", "Events and replies written to clients."),
		Bytes:         f.counter("bytes_sent_total", "Bytes written to clients, before TLS."),
		Writes:        f.counter("writes_total", "Writes to clients; one carries all that is due."),
		Lost:          f.counter("events_lost_total", "Events that slow readers missed and were told about."),
		Stalled:       f.counter("writes_stalled_total", "Writes that a client's socket did not take at once."),
		RedisUp:       f.gauge("redis_up", "1 while this node hears Redis."),
		RedisLinks:    f.counter("redis_links_total", "Pub/sub connections made to Redis."),
		Events:        f.counter("events_received_total", "Events received from Redis."),
		Dropped:       f.counters("redis_messages_dropped_total", "Redis messages that could not be delivered.", "reason"),
		LogBad:        f.counters("log_bad_total", "Reads of logs in Redis that found what makes no sense.", "what"),
		CacheBad:      f.counter("cache_bad_total", "Reads of cache channels in Redis that found what is no event."),
		LogReads:      f.counter("log_reads_total", "Pages of logs read for subscribers."),
		LogMissed:     f.counter("log_missed_total", "Losses found by comparing a channel with its log."),
		LogGaps:       f.counters("log_gaps_total", "Gaps that readers of log channels were told.", "reason"),
		LogUnkept:     f.counter("log_unkept_total", "Events published to log channels by PUBLISH, which are not kept."),
		LogStale:      f.gauge("log_stale_channels", "Log channels that could not be compared for too long."),
		Requests:      f.counters("api_requests_total", "HTTP API calls.", "route", "status"),
		RequestTime:   f.histograms("api_request_seconds", "Time that HTTP API calls took.", "route"),
		Repeats:       f.counters("api_repeats_total", "Events that were published again and dropped.", "app"),
		Limited:       f.counters("limited_total", "What was refused because of a limit of the app.", "app", "limit"),
		Shed:          f.counters("shed_total", "Handshakes and calls refused for the sake of the node.", "why"),
		Apps:          f.gauge("apps", "Apps in force."),
		AppsGood:      f.gauge("apps_good", "1 while the apps in force are what the apps file says."),
		AppsReloads:   f.counters("apps_reloads_total", "Changes of the apps file.", "outcome"),
		Hooks:         f.counters("webhook_events_total", "Events of webhooks.", "app", "outcome"),
		HookCalls:     f.counters("webhook_requests_total", "Requests to webhooks.", "app", "outcome"),
		HookTime:      f.histogram("webhook_request_seconds", "Time that requests to webhooks took."),
		HooksWaiting:  f.gauges("webhook_events_waiting", "Events of webhooks that this node has yet to tell.", "app"),
		HooksLost:     f.counter("webhook_events_lost_total", "Events of webhooks that were too many to be kept, or of no app."),
		Audit:         f.audit(),
		Access:        f.access(),
		Certificates:  f.certificates(),
		Sealing:       f.sealing(),
		Masking:       f.masking(),

		Authorizations: f.authorizations(),
	}
}
