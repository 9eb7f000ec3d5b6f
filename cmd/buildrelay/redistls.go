package main

import (
	"errors"
	"fmt"
	"strings"

	"buildrelay/relay/redisconn"
	"buildrelay/relay/tlsfiles"
)

// redisServers is where Redis is, for a command that soon ends.
func redisServers(c Config) (*redisconn.Servers, error) {
	return connectRedis(c, func(...any) {})
}

// connectRedis is where Redis is. The files by which it is known, and the node to it, are given
// to watch.
func connectRedis(c Config, watch func(...any)) (*redisconn.Servers, error) {
	if err := c.checkRedisTLS(); err != nil {
		return nil, err
	}
	authorities, err := tlsfiles.LoadAuthorities("redis_authorities", c.RedisCAFile)
	if err != nil {
		return nil, wrong("REDIS_CA_FILE", err)
	}
	secure := &redisconn.TLS{}
	if authorities != nil {
		secure.Roots = authorities.Pool
		watch(authorities)
	}
	if c.RedisCertFile != "" {
		pair, err := tlsfiles.LoadPair("redis", c.RedisCertFile, c.RedisKeyFile)
		if err != nil {
			return nil, wrong("REDIS_CERT_FILE, RELAY_REDIS_KEY_FILE", err)
		}
		secure.Certificate = pair.Certificate
		watch(pair)
	}
	servers, err := redisconn.ParseURL(c.RedisURL, secure)
	return servers, wrong("REDIS_URL", err)
}

// checkRedisTLS tells what is missing, or set in vain: who names an authority of Redis'
// certificate does not expect to talk to it in the clear.
func (c *Config) checkRedisTLS() error {
	var errs []error
	if (c.RedisCertFile == "") != (c.RedisKeyFile == "") {
		errs = append(errs, errors.New("RELAY_REDIS_CERT_FILE and RELAY_REDIS_KEY_FILE must name a certificate and its key, both or none"))
	}
	if strings.HasPrefix(string(c.RedisURL), "rediss") || c.RedisURL == "" {
		return errors.Join(errs...)
	}
	for _, set := range []struct{ name, value string }{{"REDIS_CA_FILE", c.RedisCAFile}, {"REDIS_CERT_FILE", c.RedisCertFile}} {
		if set.value != "" {
			errs = append(errs, fmt.Errorf("%s%s is of no use: RELAY_REDIS_URL does not begin with rediss, so that Redis is reached without TLS", prefix, set.name))
		}
	}
	return errors.Join(errs...)
}
