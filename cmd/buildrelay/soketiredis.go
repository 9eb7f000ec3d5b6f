package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// redis finds out which Redis soketi used. It uses one if any of its drivers does; a host
// that is named beside them is meant, too.
func (s *soketi) redis() {
	adapter := s.choice("ADAPTER_DRIVER", "local", "redis", "cluster", "nats")
	used := adapter == "redis" || s.theirs["DB_REDIS_HOST"] != ""
	used = s.choice("CACHE_DRIVER", "memory", "redis") == "redis" || used
	used = s.choice("QUEUE_DRIVER", "sync", "redis", "sqs") == "redis" || used
	used = s.choice("RATE_LIMITER_DRIVER", "local", "redis", "cluster") == "redis" || used
	s.redisPrefix()
	if s.has("REDIS_URL", "REDIS_URL_FILE") {
		return
	}
	for _, name := range s.manyRedises() {
		s.refuse(name, "is not understood: set RELAY_REDIS_URL, which names one Redis server")
	}
	switch {
	case used:
		s.set("REDIS_URL", s.redisURL(), "DB_REDIS_HOST", "DB_REDIS_PORT", "DB_REDIS_DB", "DB_REDIS_USERNAME", "DB_REDIS_PASSWORD")
	case adapter == "local":
		s.builtInRedis = true
	default:
		s.refuse("ADAPTER_DRIVER", fmt.Sprintf("is %s: nodes hear each other through Redis alone, set RELAY_REDIS_URL", adapter))
	}
}

// manyRedises returns the settings that speak of Sentinel or Cluster.
func (s *soketi) manyRedises() []string {
	var names []string
	for _, name := range []string{"DB_REDIS_SENTINELS", "DB_REDIS_CLUSTER_NODES"} {
		if value := s.theirs[name]; value != "" && value != "[]" && value != "null" {
			names = append(names, name)
		}
	}
	for _, part := range []string{"ADAPTER", "CACHE", "QUEUE", "RATE_LIMITER"} {
		if name := part + "_REDIS_CLUSTER_MODE"; s.flag(name, false) {
			names = append(names, name)
		}
	}
	return names
}

func (s *soketi) redisURL() string {
	u := url.URL{
		Scheme: "redis",
		Host:   net.JoinHostPort(s.text("DB_REDIS_HOST", "127.0.0.1"), strconv.Itoa(s.whole("DB_REDIS_PORT", 6379, 1, 65535))),
		Path:   "/" + strconv.Itoa(s.whole("DB_REDIS_DB", 0, 0, 1<<16)),
	}
	user, password := s.text("DB_REDIS_USERNAME", ""), s.text("DB_REDIS_PASSWORD", "")
	if user != "" || password != "" {
		u.User = url.UserPassword(user, password)
	}
	if s.redisTLS() {
		u.Scheme = "rediss"
	}
	return u.String()
}

// redisTLS says whether the options of soketi's connections ask for TLS, the only thing
// in them that is understood.
func (s *soketi) redisTLS() bool {
	asked := false
	for _, name := range []string{"ADAPTER_REDIS_PUB_OPTIONS", "ADAPTER_REDIS_SUB_OPTIONS"} {
		var options map[string]any
		if text := s.text(name, "{}"); json.Unmarshal([]byte(text), &options) != nil {
			s.refuse(name, "is no JSON object")
		}
		switch tls, named := options["tls"]; {
		case named && tls != nil && tls != false:
			asked = true
			s.note(name, "TLS is used; for an authority of your own set RELAY_REDIS_CA_FILE, for anything else RELAY_REDIS_URL")
		case len(options) > 0:
			s.note(name, "set RELAY_REDIS_URL")
		}
	}
	return asked
}

// redisPrefix keeps apart what soketi kept apart in a Redis that many use.
func (s *soketi) redisPrefix() {
	words := []string{s.text("DB_REDIS_KEY_PREFIX", ""), s.text("ADAPTER_REDIS_PREFIX", "")}
	for i, word := range words {
		words[i] = strings.Trim(strings.Map(plainRedisRune, word), "-")
	}
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	if len(words) > 0 {
		s.set("REDIS_PREFIX", strings.Join(words, "-"), "DB_REDIS_KEY_PREFIX", "ADAPTER_REDIS_PREFIX")
	}
}

// plainRedisRune replaces what cannot be in RELAY_REDIS_PREFIX.
func plainRedisRune(r rune) rune {
	if strings.ContainsRune(":{}*?[] ", r) {
		return '-'
	}
	return r
}
