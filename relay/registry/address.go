package registry

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"buildrelay/auth"
)

// mostURL is how many bytes a node's URL may have.
const mostURL = 300

// CheckURL says what is wrong with the URL of a node. It is http or https, host and port,
// and nothing more, such as https://10.0.0.5:6001.
func CheckURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("it must begin with http:// or https://")
	case u.Hostname() == "":
		return errors.New("it names no host")
	case !goodPort(u):
		return errors.New("the port must be a number from 1 to 65535")
	case u.User != nil:
		return errors.New("it must have no user and no password")
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("it must end with the host or the port: no path, not even /, no query and no fragment")
	case len(u.String()) > mostURL:
		return errors.New("it is too long")
	default:
		return nil
	}
}

func goodPort(u *url.URL) bool {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0 || !strings.HasSuffix(u.Host, ":"+u.Port())
}

// ParseURL reads the URL of a node.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL such as https://10.0.0.5:6001")
	}
	return u, CheckURL(u)
}

// parseValue reads what the key of a session's name holds: "<URL> <signature>".
func parseValue(cluster *auth.Cluster, name, value string) (*url.URL, bool) {
	text, signature, _ := strings.Cut(value, " ")
	if !cluster.IsOwner(name, text, signature) {
		return nil, false
	}
	u, err := ParseURL(text)
	return u, err == nil
}
