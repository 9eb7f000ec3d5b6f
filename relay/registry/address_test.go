package registry_test

import (
	"strings"
	"testing"

	"buildrelay/relay/registry"
)

func TestANodesURLIsSchemeHostAndPort(t *testing.T) {
	for text, want := range map[string]string{
		"http://10.0.0.5:6001":           "",
		"https://10.0.0.5":               "",
		"https://[fd12::5]:6001":         "",
		"https://node-3.example.com:443": "",
		"HTTPS://node-3":                 "",
		"":                               "http:// or https://",
		"10.0.0.5:6001":                  "no URL",
		"node-3:6001":                    "http:// or https://",
		"ws://10.0.0.5":                  "http:// or https://",
		"https://":                       "no host",
		"https://:6001":                  "no host",
		"https://10.0.0.5:port":          "no URL",
		"https://10.0.0.5:66000":         "the port",
		"https://10.0.0.5:0":             "the port",
		"https://10.0.0.5:":              "the port",
		"https://u:p@10.0.0.5":           "no user",
		"https://10.0.0.5/":              "no path",
		"https://10.0.0.5/relay":         "no path",
		"https://10.0.0.5?x=y":           "no query",
		"https://10.0.0.5?":              "no query",
		"https://10.0.0.5#x":             "no fragment",
		"http://10.0.0.5\n":              "no URL",
		"http://10.0. 0.5":               "no URL",
		"mailto:x@y":                     "http:// or https://",
		"http:opaque":                    "no host",
		"http://" + strings.Repeat("x", 300) + ".de": "too long",
	} {
		_, err := registry.ParseURL(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
