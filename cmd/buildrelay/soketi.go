package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"

	"buildrelay/relay/broker"
)

// soketiPrefix begins the name of every setting of soketi.
const soketiPrefix = "SOKETI_"

// translation is what the settings of a soketi container come to. The zero value is that
// of a container that has none.
type translation struct {
	// values are settings of ours to add, by name, and from says what each is made of.
	values, from map[string]string
	notes        []soketiNote
	// builtInRedis says that no Redis is named, as with a soketi that runs alone.
	builtInRedis bool
}

// soketiNote is a setting of soketi's that means nothing here, or something else.
type soketiNote struct{ name, instead string }

// translateSoketi makes settings of ours of soketi's, those that are unset. What soketi
// does by default holds, too, as soon as one of its settings is there. The error names
// everything that is wrong.
func translateSoketi(environ map[string]string) (translation, error) {
	s := soketi{
		translation: translation{values: map[string]string{}, from: map[string]string{}},
		theirs:      soketiSettings(environ),
		ours:        environ,
	}
	if len(s.theirs) == 0 {
		return translation{}, nil
	}
	s.listen()
	s.process()
	s.app()
	s.redis()
	s.rest()
	return s.translation, errors.Join(s.errs...)
}

// soketiSettings returns soketi's settings, by their names without the prefix. One that is
// empty is unset, as it is for soketi.
func soketiSettings(environ map[string]string) map[string]string {
	settings := map[string]string{}
	for name, value := range environ {
		name, ours := strings.CutPrefix(name, soketiPrefix)
		if ours && value != "" && !isServiceLink(name, value) {
			settings[name] = value
		}
	}
	return settings
}

// isServiceLink knows the variables that Kubernetes gives each pod for a service called
// soketi: SOKETI_PORT=tcp://10.0.0.7:6001 among them.
func isServiceLink(name, value string) bool {
	return regexp.MustCompile(`(^|_)SERVICE_(HOST|PORT)(_|$)|(^|_)PORT_\d+_(TCP|UDP|SCTP)(_|$)`).MatchString(name) ||
		regexp.MustCompile(`^(tcp|udp|sctp)://`).MatchString(value)
}

// loadWithSoketi is loadConfig for an environment that may be soketi's.
func loadWithSoketi(environ []string) (Config, translation, error) {
	t, err := translateSoketi(env.ToMap(environ))
	if err != nil {
		return Config{}, t, err
	}
	for name, value := range t.values {
		environ = append(slices.Clip(environ), name+"="+value)
	}
	c, err := loadConfig(environ)
	return c, t, t.explain(err)
}

// explain adds to an error that names settings of ours what they are made of.
func (t translation) explain(err error) error {
	if err == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(t.from)) {
		if regexp.MustCompile(`\b` + name + `\b`).MatchString(err.Error()) {
			err = fmt.Errorf("%w\n%s is made of %s", err, name, t.from[name])
		}
	}
	return err
}

// startRedis starts the built-in Redis, and names it in c, if no other is named.
func (t translation) startRedis(c *Config) (redis localRedis, err error) {
	if !t.builtInRedis {
		return redis, nil
	}
	if redis.Embedded, err = broker.StartEmbedded(); err == nil {
		c.RedisURL = redis.URL()
	}
	return redis, err
}

// tell logs what became of soketi's settings.
func (t translation) tell(log *slog.Logger) {
	if len(t.values) > 0 {
		log.Info("soketi's settings are understood as settings of the relay", "settings", strings.Join(slices.Sorted(maps.Keys(t.values)), " "))
	}
	for _, note := range t.notes {
		log.Warn("a setting of soketi's is not understood", "name", note.name, "instead", note.instead)
	}
	if t.builtInRedis {
		log.Warn("no Redis is named, the built-in one is used: this node serves alone, and what is kept ends with it",
			"instead", "set RELAY_REDIS_URL")
	}
}

// soketi reads soketi's settings.
type soketi struct {
	translation
	theirs map[string]string
	ours   map[string]string // the whole environment
	errs   []error
}

// has says whether one of our own settings is there.
func (s *soketi) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return s.ours[prefix+name] != "" })
}

// set adds a setting of ours that is not there; from are those of soketi's that it is
// made of.
func (s *soketi) set(name, value string, from ...string) {
	if _, off := s.ours[prefix+name]; s.has(name) || off && name == "METRICS_LISTEN" {
		return
	}
	s.values[prefix+name] = value
	s.from[prefix+name] = soketiPrefix + strings.Join(from, ", "+soketiPrefix)
}

// refuse says that the relay cannot start with a setting.
func (s *soketi) refuse(name, why string) {
	s.errs = append(s.errs, fmt.Errorf("%s%s %s", soketiPrefix, name, why))
}

func (s *soketi) note(name, instead string) {
	s.notes = append(s.notes, soketiNote{soketiPrefix + name, instead})
}

func (s *soketi) listen() {
	s.set("LISTEN", s.address("HOST", "0.0.0.0", "PORT", 6001), "HOST", "PORT")
	cert, key := s.text("SSL_CERT", ""), s.text("SSL_KEY", "")
	switch {
	case s.theirs["SSL_PASS"] != "":
		s.refuse("SSL_PASS", "is not understood: take the passphrase off the key, by openssl pkey, and unset it")
	case s.has("TLS_CERT_FILE", "TLS_KEY_FILE"):
	case cert == "" && key == "":
		s.set("TLS", "off", "SSL_CERT", "SSL_KEY")
	case cert == "" || key == "":
		s.refuse("SSL_CERT", "and SOKETI_SSL_KEY must name a certificate and its key, both")
	default:
		s.set("TLS_CERT_FILE", cert, "SSL_CERT")
		s.set("TLS_KEY_FILE", key, "SSL_KEY")
	}
	if s.theirs["PATH_PREFIX"] != "" {
		s.refuse("PATH_PREFIX", "is not understood, and no client would find its path: let the proxy take the prefix off, and unset it")
	}
	host := "127.0.0.1" // for /metrics that nobody asked for
	if s.flag("METRICS_ENABLED", false) {
		host = "0.0.0.0"
	}
	s.set("METRICS_LISTEN", s.address("METRICS_HOST", host, "METRICS_SERVER_PORT", 9601), "METRICS_HOST", "METRICS_SERVER_PORT")
}

func (s *soketi) address(host, hostDefault, port string, portDefault int) string {
	return net.JoinHostPort(s.text(host, hostDefault), strconv.Itoa(s.whole(port, portDefault, 0, 65535)))
}

// process are the settings of the process itself.
func (s *soketi) process() {
	if s.flag("DEBUG", false) {
		s.set("LOG_LEVEL", "debug", "DEBUG")
	}
	switch mode := s.choice("MODE", "full", "server", "worker"); mode {
	case "server":
		s.note("MODE", "every node sends webhooks: unset it")
	case "worker":
		s.refuse("MODE", "is worker: every node sends webhooks, a process for them alone is not needed")
	}
	grace := s.whole("SHUTDOWN_GRACE_PERIOD", 3000, 0, 3_600_000)
	s.set("DRAIN_DELAY", strconv.Itoa(grace)+"ms", "SHUTDOWN_GRACE_PERIOD")
	percent := s.whole("HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD", 85, 1, 100)
	s.set("ACCEPT_TRAFFIC_MEMORY", strconv.Itoa(percent), "HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD")
}
