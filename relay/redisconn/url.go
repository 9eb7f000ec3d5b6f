package redisconn

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"buildrelay/auth"
)

// errURL is all that is said of an URL that cannot be read: it may hold a password.
var errURL = errors.New("not a URL such as redis://user:password@host:6379/0, " +
	"redis+sentinel://host:26379,host:26379/MASTER/0 or redis+cluster://host:6379,host:6379")

// ParseURL reads where Redis is:
//
//	redis://[user:password@]host[:port][/db]                     one server
//	redis+sentinel://[user:password@]host[:port],…/MASTER[/db]   the master of this name, by Sentinels
//	redis+cluster://[user:password@]host[:port],…                a Redis Cluster
//
// with rediss for TLS, as secure says, which may be nil. User and password are those of Redis;
// those of Sentinels are the parameters sentinel_user and sentinel_password. The error never
// holds a password.
func ParseURL(text auth.Secret, secure *TLS) (*Servers, error) {
	s, err := parseURL(text)
	if err != nil {
		return nil, err
	}
	s.tls = cmp.Or(secure, &TLS{})
	return s, nil
}

func parseURL(text auth.Secret) (*Servers, error) {
	scheme, rest, ok := strings.Cut(string(text), "://")
	if !ok {
		return nil, errURL
	}
	protocol, kind, _ := strings.Cut(scheme, "+")
	if protocol != "redis" && protocol != "rediss" {
		return nil, errors.New("the URL must begin with redis:// or, for TLS, rediss://; " +
			"for Sentinels with redis+sentinel://, for a Cluster with redis+cluster://")
	}
	switch kind {
	case "":
		return parseSingle(text)
	case "sentinel":
		return parseSentinels(protocol, rest)
	case "cluster":
		return parseCluster(protocol, rest)
	default:
		return nil, errors.New("what follows the + in the URL's scheme must be sentinel or cluster")
	}
}

func parseSingle(text auth.Secret) (*Servers, error) {
	o, err := parseOptions(string(text))
	if err != nil {
		return nil, err
	}
	return Single(o), nil
}

// parseOptions reads the URL of one server.
func parseOptions(text string) (*redis.Options, error) {
	o, err := redis.ParseURL(text)
	if err != nil {
		return nil, errURL
	}
	if o.TLSConfig != nil && o.TLSConfig.InsecureSkipVerify {
		return nil, errors.New("skip_verify is not for a relay: name the authority of Redis' certificate instead")
	}
	return o, nil
}

// parseMany reads an URL with several hosts: the options to connect to each of them.
func parseMany(protocol, rest, port string) (*redis.Options, []string, *url.URL, error) {
	before, hosts, after := splitHosts(rest)
	u, err := url.Parse(protocol + "://" + before + "host" + after)
	if err != nil {
		return nil, nil, nil, errURL
	}
	var addresses []string
	for _, host := range strings.Split(hosts, ",") {
		address, err := withPort(host, port)
		if err != nil {
			return nil, nil, nil, err
		}
		addresses = append(addresses, address)
	}
	plain := url.URL{Scheme: protocol, User: u.User, Host: addresses[0]}
	o, err := parseOptions(plain.String())
	return o, addresses, u, err
}

// splitHosts tells the hosts from the user before them and the path behind.
func splitHosts(rest string) (before, hosts, after string) {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	start := strings.LastIndex(rest[:end], "@") + 1
	return rest[:start], rest[start:end], rest[end:]
}

func withPort(host, port string) (string, error) {
	u, err := url.Parse("redis://" + host)
	if err != nil || u.Hostname() == "" || u.Host != host {
		return "", errors.New("the hosts of the URL must be host:port, with commas between them")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func parseSentinels(protocol, rest string) (*Servers, error) {
	o, addresses, u, err := parseMany(protocol, rest, "26379")
	if err != nil {
		return nil, err
	}
	name, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if name == "" {
		return nil, errors.New("the URL of Sentinels must end with the name of the master: redis+sentinel://host:26379/MASTER")
	}
	if db != "" {
		numbered := url.URL{Scheme: protocol, Host: "host", Path: "/" + db}
		of, err := redis.ParseURL(numbered.String())
		if err != nil {
			return nil, errors.New("what follows the master in the URL must be the number of a database")
		}
		o.DB = of.DB
	}
	query := u.Query()
	own := sentinels{name: name, options: &redis.Options{
		Username: query.Get("sentinel_user"), Password: query.Get("sentinel_password"), TLSConfig: o.TLSConfig,
	}}
	if unknown := without(query, "sentinel_user", "sentinel_password"); unknown {
		return nil, errors.New("the parameters of an URL of Sentinels are sentinel_user and sentinel_password")
	}
	return newServers(own, o, addresses), nil
}

func parseCluster(protocol, rest string) (*Servers, error) {
	o, addresses, u, err := parseMany(protocol, rest, "6379")
	if err != nil {
		return nil, err
	}
	if path := strings.Trim(u.Path, "/"); path != "" && path != "0" || u.RawQuery != "" {
		return nil, errors.New("the URL of a Cluster ends with its hosts: a Cluster has one database and no parameters")
	}
	return newServers(cluster{options: o}, o, addresses), nil
}

// without says whether query has others than the known parameters.
func without(query url.Values, known ...string) bool {
	for _, name := range known {
		query.Del(name)
	}
	return len(query) > 0
}
