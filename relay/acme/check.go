package acme

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// CheckDirectory says what is wrong with the URL of a directory.
func CheckDirectory(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("it must be the URL of an ACME directory, such as https://ca.example.com/acme/directory")
	}
	return nil
}

// hostname is a name as it stands in a certificate: labels with dots between them, in
// lowercase.
var hostname = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckHosts says what is wrong with a list of hosts.
func CheckHosts(hosts []string) error {
	if len(hosts) == 0 {
		return errors.New("it is empty: it must name the hosts to have certificates for, such as relay.example.com")
	}
	seen := make(map[string]bool, len(hosts))
	for _, host := range normal(hosts) {
		switch {
		case len(host) > 253 || !hostname.MatchString(host):
			return fmt.Errorf("%.100q is no host that an ACME server gives certificates for: it must be a whole name in ASCII, such as relay.example.com, no address and no *", host)
		case seen[host]:
			return fmt.Errorf("it has %s twice", host)
		}
		seen[host] = true
	}
	return nil
}

// normal are hosts as they are compared.
func normal(hosts []string) []string {
	all := make([]string, len(hosts))
	for i, host := range hosts {
		all[i] = strings.ToLower(host)
	}
	return all
}
