package main

import (
	"maps"
	"slices"
	"strings"
)

// rest tells of the settings that mean nothing here.
func (s *soketi) rest() {
	for _, driver := range []struct{ name, value, instead string }{
		{"QUEUE_DRIVER", "sqs", "webhooks wait in Redis: unset it"},
		{"RATE_LIMITER_DRIVER", "redis", "rates are those of one node"},
		{"RATE_LIMITER_DRIVER", "cluster", "rates are those of one node"},
		{"ADAPTER_DRIVER", "cluster", "nodes hear each other through Redis: unset it"},
		{"ADAPTER_DRIVER", "nats", "nodes hear each other through Redis: unset it"},
	} {
		if s.text(driver.name, "") == driver.value {
			s.note(driver.name, driver.instead)
		}
	}
	if metrics := s.text("METRICS_DRIVER", "prometheus"); metrics != "prometheus" {
		s.note("METRICS_DRIVER", "there are metrics for Prometheus alone")
	}
	for _, name := range slices.Sorted(maps.Keys(s.theirs)) {
		if instead := insteadOf(name); instead != "" {
			s.note(name, instead)
		}
	}
}

// insteadOf says what to do instead of a setting of soketi's; "" means that it is
// understood.
func insteadOf(name string) string {
	if slices.Contains(soketiUnderstood(), name) {
		return ""
	}
	const apps, redis, nodes = "apps are listed in RELAY_APPS_FILE: unset it",
		"one Redis serves for everything, RELAY_REDIS_URL names it: unset it",
		"nodes hear each other through Redis, RELAY_REDIS_URL names it: unset it"
	for _, group := range []struct{ begins, instead string }{
		{"APP_MANAGER_", apps},
		{"DB_MYSQL_", apps},
		{"DB_POSTGRES_", apps},
		{"DB_POOLING_", apps},
		{"ADAPTER_", nodes},
		{"CLUSTER_", nodes},
		{"CACHE_REDIS_", redis},
		{"DB_REDIS_", redis},
		{"QUEUE_REDIS_", redis},
		{"QUEUE_SQS_", "webhooks wait in Redis: unset it"},
		{"RATE_LIMITER_", "rates are those of one node: unset it"},
		{"METRICS_PROMETHEUS_PREFIX", "names of metrics begin with buildrelay_: unset it"},
		{"SSL_CA", "append the chain to the certificate's file, and unset it"},
	} {
		if strings.HasPrefix(name, group.begins) {
			return group.instead
		}
	}
	return "no setting of soketi 1.6 has this name, is it misspelt?"
}

// soketiUnderstood are the settings that come to something, if only to an error.
func soketiUnderstood() []string {
	return strings.Fields(`
		HOST PORT PATH_PREFIX MODE DEBUG SHUTDOWN_GRACE_PERIOD SSL_CERT SSL_KEY SSL_PASS
		METRICS_ENABLED METRICS_HOST METRICS_SERVER_PORT METRICS_DRIVER HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD
		DEFAULT_APP_ID DEFAULT_APP_KEY DEFAULT_APP_SECRET DEFAULT_APP_MAX_CONNS DEFAULT_APP_ENABLE_CLIENT_MESSAGES
		DEFAULT_APP_ENABLED DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC
		DEFAULT_APP_MAX_READ_REQ_PER_SEC DEFAULT_APP_USER_AUTHENTICATION DEFAULT_APP_WEBHOOKS
		USER_AUTHENTICATION_TIMEOUT WEBHOOKS_BATCHING WEBHOOKS_BATCHING_DURATION
		CHANNEL_LIMITS_MAX_NAME_LENGTH CHANNEL_CACHE_TTL PRESENCE_MAX_MEMBERS PRESENCE_MAX_MEMBER_SIZE
		EVENT_MAX_BATCH_SIZE EVENT_MAX_CHANNELS_AT_ONCE EVENT_MAX_NAME_LENGTH EVENT_MAX_SIZE_IN_KB
		APP_MANAGER_DRIVER ADAPTER_DRIVER CACHE_DRIVER QUEUE_DRIVER RATE_LIMITER_DRIVER
		ADAPTER_REDIS_PREFIX ADAPTER_REDIS_PUB_OPTIONS ADAPTER_REDIS_SUB_OPTIONS
		DB_REDIS_HOST DB_REDIS_PORT DB_REDIS_DB DB_REDIS_USERNAME DB_REDIS_PASSWORD DB_REDIS_KEY_PREFIX`)
}
