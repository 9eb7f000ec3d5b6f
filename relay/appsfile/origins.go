package appsfile

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildrelay/auth"
)

// ParseOrigins reads a list of origins with commas between them. An empty text is
// nil: any origin.
func ParseOrigins(text string) (auth.Origins, error) {
	var origins auth.Origins
	var errs []error
	for origin := range strings.SplitSeq(text, ",") {
		if origin = strings.TrimSpace(origin); origin == "" {
			continue
		}
		if err := checkOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("%s %w", quoted(origin), err))
		}
		origins = append(origins, origin)
	}
	if origins == nil && text != "" {
		return nil, errors.New("names no origin: leave it empty, or name *, for any")
	}
	return origins, errors.Join(errs...)
}

func (r *reader) origins(n *yaml.Node, path string) (origins auth.Origins) {
	r.each(n, path, func(n *yaml.Node, path string) {
		r.value(func(text string) error {
			origins = append(origins, text)
			return checkOrigin(text)
		})(n, path)
	})
	return origins
}

// checkOrigin wants what a browser sends, or the one label of a host that stands for any.
func checkOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || !consists(scheme, 100, "+-.") {
		return errors.New("must be *, or scheme://host with a port where it is not the scheme's own")
	}
	host, port, hasPort := cutPort(host)
	if hasPort {
		if err := checkPort(strings.ToLower(scheme), port); err != nil {
			return err
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return checkIPv6(inner)
	}
	host = strings.TrimPrefix(host, "*.")
	if host == "" || len(host) > 253 {
		return errors.New("has no host, or one that is too long")
	}
	for label := range strings.SplitSeq(host, ".") {
		if !consists(label, 63, "-_") || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("must have a host of letters, digits, - and dots (names of other alphabets in Punycode), where * may stand for its first label; nothing follows the host but a port")
		}
	}
	return nil
}

// cutPort cuts the port off a host, which may be an IPv6 address in brackets.
func cutPort(host string) (name, port string, ok bool) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i], host[i+1:], true
	}
	return host, "", false
}

func checkPort(scheme, port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return errors.New("must have a port from 1 to 65535")
	}
	if scheme == "https" && n == 443 || scheme == "http" && n == 80 {
		return errors.New("must not have the scheme's own port: browsers leave it out")
	}
	return nil
}

// checkIPv6 wants the address as browsers write it, and the bracket behind it.
func checkIPv6(host string) error {
	host, closed := strings.CutSuffix(host, "]")
	address, err := netip.ParseAddr(host)
	if err != nil || !closed || !address.Is6() || address.String() != strings.ToLower(host) || address.Zone() != "" {
		return errors.New("must have an address as browsers write it, such as [2001:db8::1]")
	}
	return nil
}
