package redisconn

import (
	"strings"
	"testing"

	"buildrelay/auth"
)

func TestARedisURLIsReadOrRefusedWithoutTellingThePassword(t *testing.T) {
	cases := []struct{ url, address, user string }{
		{"redis://127.0.0.1:6390", "127.0.0.1:6390", ""},
		{"redis://host/0", "host:6379", ""},
		{"redis://relay:hunter2@host:6390/3", "host:6390", "relay"},
		{"rediss://:hunter2@host", "host:6379", ""},
		{"rediss://:hunter2@host?skip_verify=true", "", ""},
		{"", "", ""},
		{"host:6379", "", ""},
		{"hunter2@host:6379", "", ""},
		{"hunter2://host:6379", "", ""},
		{"unix:///run/redis.sock?password=hunter2", "", ""},
		{"redis://relay:hunter2@host:port/0", "", ""},
		{"redis://relay:hunter2@host/x", "", ""},
		{"redis://relay:hun%ter2@host", "", ""},
		{"redis://host?password=hunter2&unknown=1", "", ""},
	}
	for _, c := range cases {
		o, err := ParseURL(auth.Secret(c.url), nil)
		if (err == nil) != (c.address != "") {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if err != nil {
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: the error tells the password: %v", c.url, err)
			}
			continue
		}
		tls := strings.HasPrefix(c.url, "rediss")
		if o.Addr != c.address || o.Username != c.user || (o.TLSConfig != nil) != tls {
			t.Errorf("%s: address %s, user %s, TLS %v", c.url, o.Addr, o.Username, o.TLSConfig != nil)
		}
	}
}
