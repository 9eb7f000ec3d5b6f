package redisconn

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
)

func TestARedisURLIsReadOrRefusedWithoutTellingThePassword(t *testing.T) {
	t.Parallel()
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
		s, err := ParseURL(auth.Secret(c.url), nil)
		if !read(t, c.url, err, c.address != "") {
			continue
		}
		m, err := s.Known(t.Context())
		if err != nil || !s.IsSingle() {
			t.Errorf("%s: %v, one server: %v", c.url, err, s.IsSingle())
		}
		o := s.Options(m.Of("key"))
		tls := strings.HasPrefix(c.url, "rediss")
		if o.Addr != c.address || o.Username != c.user || (o.TLSConfig != nil) != tls {
			t.Errorf("%s: address %s, user %s, TLS %v", c.url, o.Addr, o.Username, o.TLSConfig != nil)
		}
	}
}

// read says whether the URL could be read, and looks that an error tells no password.
func read(t *testing.T, url string, err error, want bool) bool {
	t.Helper()
	if (err == nil) != want {
		t.Errorf("%s: %v", url, err)
	}
	if err != nil && strings.Contains(err.Error(), "hunter") {
		t.Errorf("%s: the error tells the password: %v", url, err)
	}
	return err == nil
}

func TestTheURLOfSentinelsOrAClusterIsReadOrRefused(t *testing.T) {
	t.Parallel()
	type is struct {
		Seeds                                  []string
		User, Password, Name, Sentinel, Secret string
		DB                                     int
		TLS                                    bool
	}
	for url, want := range map[string]*is{
		"redis+sentinel://a:1,b,[::1]:3/mymaster":                                   {Seeds: []string{"a:1", "b:26379", "[::1]:3"}, Name: "mymaster"},
		"redis+sentinel://relay:hunter2@a/m/5?sentinel_user=s&sentinel_password=ht": {Seeds: []string{"a:26379"}, User: "relay", Password: "hunter2", Name: "m", DB: 5, Sentinel: "s", Secret: "ht"},
		"rediss+sentinel://:hunter@2@a/m":                                           {Seeds: []string{"a:26379"}, Password: "hunter@2", Name: "m", TLS: true},
		"rediss+sentinel://:hunter%402@a/m/":                                        {Seeds: []string{"a:26379"}, Password: "hunter@2", Name: "m", TLS: true},
		"redis+sentinel://a":                                                        nil,
		"redis+sentinel://a/m/x":                                                    nil,
		"redis+sentinel://a,/m":                                                     nil,
		"redis+sentinel://a/m?password=hunter2":                                     nil,
		"redis+cluster://relay:hunter2@a:1,b/0":                                     {Seeds: []string{"a:1", "b:6379"}, User: "relay", Password: "hunter2"},
		"rediss+cluster://a":                                                        {Seeds: []string{"a:6379"}, TLS: true},
		"redis+cluster://a/1":                                                       nil,
		"redis+cluster://a?x=1":                                                     nil,
		"redis+cluster://":                                                          nil,
		"redis+cluster://a b":                                                       nil,
		"redis+cluster://a:x":                                                       nil,
		"redis+hunter2://a":                                                         nil,
		"http+cluster://a":                                                          nil,
	} {
		s, err := ParseURL(auth.Secret(url), nil)
		if !read(t, url, err, want != nil) || want == nil {
			continue
		}
		o := s.Options("x:1")
		got := is{Seeds: s.seeds, User: o.Username, Password: o.Password, DB: o.DB, TLS: o.TLSConfig != nil}
		if from, ok := s.source.(sentinels); ok {
			got.Name, got.Sentinel, got.Secret = from.name, from.options.Username, from.options.Password
		}
		if d := cmp.Diff(*want, got); d != "" {
			t.Errorf("%s:\n%s", url, d)
		}
		if o.TLSConfig != nil && o.TLSConfig.ServerName != "x" {
			t.Errorf("%s: a certificate for %q is asked for", url, o.TLSConfig.ServerName)
		}
	}
}
