package main

import (
	"cmp"
	"encoding/json"
	"errors"
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
	sentinels, nodes := s.redisHosts("DB_REDIS_SENTINELS", "26379"), s.redisHosts("DB_REDIS_CLUSTER_NODES", "6379")
	switch mode := s.clusterMode(); {
	case mode != "" && nodes == "":
		s.refuse(mode, "asks for a Redis Cluster, but DB_REDIS_CLUSTER_NODES names none of its servers")
	case mode != "":
		s.set("REDIS_URL", s.clusterURL(nodes), "DB_REDIS_CLUSTER_NODES", "DB_REDIS_USERNAME", "DB_REDIS_PASSWORD")
	case sentinels != "":
		s.set("REDIS_URL", s.sentinelURL(sentinels), "DB_REDIS_SENTINELS", "DB_REDIS_SENTINEL_PASSWORD", "DB_REDIS_INSTANCE_NAME",
			"DB_REDIS_DB", "DB_REDIS_USERNAME", "DB_REDIS_PASSWORD")
	case used:
		s.set("REDIS_URL", s.redisURL(), "DB_REDIS_HOST", "DB_REDIS_PORT", "DB_REDIS_DB", "DB_REDIS_USERNAME", "DB_REDIS_PASSWORD")
	case adapter == "local":
		s.builtInRedis = true
	default:
		s.refuse("ADAPTER_DRIVER", fmt.Sprintf("is %s: nodes hear each other through Redis alone, set RELAY_REDIS_URL", adapter))
	}
}

// clusterMode returns the setting by which a part of soketi used a Redis Cluster, "" where
// none did.
func (s *soketi) clusterMode() (asked string) {
	for _, part := range []string{"RATE_LIMITER", "QUEUE", "CACHE", "ADAPTER"} {
		if name := part + "_REDIS_CLUSTER_MODE"; s.flag(name, false) {
			asked = name
		}
	}
	return asked
}

// redisHosts reads [{"host":"a","port":1}, …], with commas between the hosts.
func (s *soketi) redisHosts(name, port string) string {
	text := strings.TrimSpace(s.text(name, ""))
	if text == "" {
		return ""
	}
	var all []struct {
		Host string
		Port json.Number
	}
	err := json.Unmarshal([]byte(text), &all)
	hosts := make([]string, len(all))
	for i, one := range all {
		if one.Host == "" {
			err = errors.New("no host")
		}
		hosts[i] = net.JoinHostPort(one.Host, cmp.Or(one.Port.String(), port))
	}
	if err != nil {
		s.refuse(name, `must be servers such as [{"host":"10.0.0.5","port":`+port+`}]`)
		return ""
	}
	return strings.Join(hosts, ",")
}

func (s *soketi) redisURL() string {
	u := s.baseURL("")
	u.Host = net.JoinHostPort(s.text("DB_REDIS_HOST", "127.0.0.1"), strconv.Itoa(s.whole("DB_REDIS_PORT", 6379, 1, 65535)))
	u.Path = "/" + s.redisDB()
	return u.String()
}

func (s *soketi) sentinelURL(hosts string) string {
	u := s.baseURL("+sentinel")
	u.Host, u.Path = hosts, "/"+s.text("DB_REDIS_INSTANCE_NAME", "mymaster")+"/"+s.redisDB()
	if password := s.text("DB_REDIS_SENTINEL_PASSWORD", ""); password != "" {
		u.RawQuery = url.Values{"sentinel_password": {password}}.Encode()
	}
	return u.String()
}

func (s *soketi) clusterURL(hosts string) string {
	u := s.baseURL("+cluster")
	u.Host = hosts
	return u.String()
}

func (s *soketi) redisDB() string { return strconv.Itoa(s.whole("DB_REDIS_DB", 0, 0, 1<<16)) }

// baseURL is what URLs of all kinds begin with.
func (s *soketi) baseURL(kind string) url.URL {
	u := url.URL{Scheme: "redis" + kind}
	user, password := s.text("DB_REDIS_USERNAME", ""), s.text("DB_REDIS_PASSWORD", "")
	if user != "" || password != "" {
		u.User = url.UserPassword(user, password)
	}
	if s.redisTLS() {
		u.Scheme = "rediss" + kind
	}
	return u
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
