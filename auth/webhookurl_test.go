package auth_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"buildrelay/auth"
)

// Rows 87 and 90 of docs/ATTACKS.md, as far as a URL itself says it.
func TestTheURLOfAWebhookIsReadOrRefused(t *testing.T) {
	good := []string{
		"https://ci.example.com/hooks", "http://ci.example.com", "HTTPS://CI.example.com:8443/a%0d%0ab?token=1&x=%23",
		"http://10.0.0.1:8080/", "http://[fd12::1]:80/", "http://[::ffff:127.0.0.1]/", "http://localhost", "http://receiver_1",
		"http://1.example", "http://127.0.0.1.example.", "http://0xcafe.example",
	}
	bad := []string{
		"", "/hooks", "//host/", "host", "host:80", "http:", "http:host", "http://", "http:///x", "http://:80/", "https://?x",
		"file:///etc/passwd", "unix:///run/redis.sock", "gopher://host/", "ftp://host/", "ws://host/", "javascript:alert(1)",
		"http://user@host/", "http://user:hunter2@host/", "http://@host/", "http://host/#", "http://host/#x", "http://host#@other/",
		"http://host/\r\nX: y", "http://host/\x00", "http://host/ x", " http://host/", "http://host/\x7f", "http://host\t/",
		"http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.1/", "http://0177.0.0.1/", "http://0x7f.1/",
		"http://127.0.0.1./", "http://0/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://host.0x/", "http://.", "http://a..",
		"http://[::1%25lo]/", "http://[fe80::1%25eth0]/", "http://[127.0.0.1]x/", "http://[::1", "http://ho%73t/", "http://ho\\st/",
		"http://１２７.0.0.1/", "http://ⓛocalhost/", "http://münchen.example/", "http://host:0/", "http://host:65536/",
		"http://host:x/", "http://host:-1/", "http://a,b/", "http://" + strings.Repeat("a", 4096) + "/",
	}
	for _, text := range good {
		if _, err := auth.ParseWebhookURL(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range bad {
		u, err := auth.ParseWebhookURL(text)
		if err == nil {
			t.Errorf("%q is read as %s", text, u)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error tells it: %v", text, err)
		}
	}
}

// Whatever is let through says what it means to any reader, and means the same read again.
func FuzzParseWebhookURL(f *testing.F) {
	for _, text := range []string{
		"https://ci.example.com/hooks", "http://127.1/", "http://[::ffff:127.0.0.1]:80/", "http://u:p@h/", "http://h/#f", "http://0x7f000001",
		"http://h/\r\nX: y", "file:///etc/passwd", "http://１２７.0.0.1/", "http://h:0/", "http://[fe80::1%25lo]/",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := auth.ParseWebhookURL(text)
		if err != nil {
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Hostname() == "" {
			t.Errorf("%q is read as %#v", text, u)
		}
		if strings.ContainsAny(u.String(), "\r\n\x00 #") {
			t.Errorf("%q is sent as %q", text, u)
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != u.Host || again.Scheme != u.Scheme {
			t.Errorf("%q is %q and then %q: %v", text, u, again, err)
		}
		host := strings.TrimSuffix(u.Hostname(), ".")
		last := host[strings.LastIndexByte(host, '.')+1:]
		_, noAddress := netip.ParseAddr(u.Hostname())
		if noAddress != nil && (last == "" || strings.Trim(last, "0123456789") == "") {
			t.Errorf("%q has the host %q, which some take for an address", text, u.Hostname())
		}
	})
}
