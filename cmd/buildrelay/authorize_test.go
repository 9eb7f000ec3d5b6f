package main

import (
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/metrics"
)

func TestTheAuthEndpointIsOffOrComplete(t *testing.T) {
	t.Parallel()
	forward := func(more map[string]string) map[string]string {
		all := map[string]string{
			"RELAY_AUTH": "forward", "RELAY_AUTH_URL": "https://ci.example.com/relay/auth?token=s3cret",
			"RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build} presence-{room}",
		}
		maps.Copy(all, more)
		return all
	}
	for _, c := range []authSettings{
		{nil, ""},
		{forward(nil), ""},
		{forward(map[string]string{"RELAY_AUTH_CACHE": "0s"}), ""},
		{forward(map[string]string{"RELAY_AUTH_URL": "http://127.0.0.1:8080/auth"}), ""},
		{forward(map[string]string{"RELAY_AUTH_URL": "http://localhost/auth"}), ""},
		{forward(map[string]string{"RELAY_AUTH_URL": "http://[::1]:8080/auth"}), ""},
		{forward(map[string]string{"RELAY_AUTH_URL": "http://ci.example.com/auth", "RELAY_ACKNOWLEDGE_INSECURE": "true"}), ""},
		{forward(map[string]string{"RELAY_AUTH_URL": "http://ci.example.com/s3cret"}), "RELAY_AUTH_URL: it must begin with https"},
		{forward(map[string]string{"RELAY_AUTH_URL": "http://127.0.0.1.example.com/s3cret"}), "RELAY_AUTH_URL: it must begin with https"},
		{forward(map[string]string{"RELAY_AUTH_URL": ""}), "RELAY_AUTH_URL: is not set"},
		{forward(map[string]string{"RELAY_AUTH_URL": "https://u:s3cret@ci.example.com"}), "RELAY_AUTH_URL: it must have neither a password"},
		{forward(map[string]string{"RELAY_AUTH_CHANNELS": ""}), "RELAY_AUTH_CHANNELS: is not set"},
		{forward(map[string]string{"RELAY_AUTH_CHANNELS": "private-{a} build-{b}"}), `RELAY_AUTH_CHANNELS: "build-{b}": it must begin with`},
		{forward(map[string]string{"RELAY_AUTH_CHANNELS": "private-{id} private-{a};{b}"}), `RELAY_AUTH_CHANNELS: "private-{a};{b}": private-x;x could be of "private-{id}" as well`},
		{forward(map[string]string{"RELAY_AUTH_CACHE": "-1s"}), "RELAY_AUTH_CACHE is -1s"},
		{forward(map[string]string{"RELAY_AUTH_CACHE": "61m"}), "RELAY_AUTH_CACHE is 1h1m0s"},
		{forward(map[string]string{"RELAY_AUTH_AUDIENCE": "relay"}), "RELAY_AUTH_AUDIENCE is of no use without RELAY_AUTH=oidc"},
		{forward(map[string]string{"RELAY_AUTH_CLAIMS": "a={owner}"}), "RELAY_AUTH_CLAIMS is of no use without RELAY_AUTH=oidc"},
		{map[string]string{"RELAY_AUTH": "on"}, `"on" is none of off, forward, oidc, github and gitlab`},
		{map[string]string{"RELAY_AUTH_URL": "https://ci.example.com/"}, "RELAY_AUTH_URL is of no use without RELAY_AUTH (forward, oidc, github or gitlab)"},
		{map[string]string{"RELAY_AUTH_COOKIE": "token"}, "RELAY_AUTH_COOKIE is of no use without RELAY_AUTH=oidc"},
		{map[string]string{"RELAY_AUTH_APP": "3"}, "RELAY_AUTH_APP is of no use"},
		{map[string]string{"RELAY_AUTH_CHANNELS": "private-{a}"}, "RELAY_AUTH_CHANNELS is of no use"},
		{map[string]string{"RELAY_AUTH_CA_FILE": "ca.pem"}, "RELAY_AUTH_CA_FILE is of no use"},
	} {
		c.check(t)
	}
}

// authSettings are settings, and what is said of them.
type authSettings struct {
	change map[string]string
	want   string // in the error; "" for none
}

// check does not show what it must not: every secret here has s3cret in it.
func (c authSettings) check(t *testing.T) {
	t.Helper()
	conf, err := loadConfig(environOf(enough(), c.change))
	if err == nil {
		err = conf.check()
	}
	if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) || strings.Contains(got, "s3cret") {
		t.Errorf("with %v: got %v, want %q", c.change, err, c.want)
	}
}

func TestTheIssuerOfTokensIsOffOrComplete(t *testing.T) {
	t.Parallel()
	oidc := func(more map[string]string) map[string]string {
		all := map[string]string{
			"RELAY_AUTH": "oidc", "RELAY_AUTH_URL": "https://login.example.com/realms/ci", "RELAY_AUTH_AUDIENCE": "relay",
			"RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build} presence-build-{owner};{repo};{build}", "RELAY_AUTH_CLAIMS": "amr=mfa repositories={owner}/{repo}",
		}
		maps.Copy(all, more)
		return all
	}
	for _, c := range []authSettings{
		{oidc(nil), ""},
		{oidc(map[string]string{"RELAY_AUTH_COOKIE": "__Host-token", "RELAY_AUTH_USER_CLAIM": "email", "RELAY_AUTH_SKEW": "5m"}), ""},
		{oidc(map[string]string{"RELAY_AUTH_SKEW": "0s", "RELAY_AUTH_CACHE": "0s"}), ""},
		{oidc(map[string]string{"RELAY_AUTH_URL": "http://127.0.0.1:8080"}), ""},
		{oidc(map[string]string{"RELAY_AUTH_URL": ""}), "RELAY_AUTH_URL: is not set: it says who issues tokens"},
		{oidc(map[string]string{"RELAY_AUTH_URL": "http://login.example.com"}), "RELAY_AUTH_URL: it must begin with https, and there is no way around that"},
		{oidc(map[string]string{"RELAY_AUTH_URL": "http://login.example.com", "RELAY_ACKNOWLEDGE_INSECURE": "true"}), "RELAY_AUTH_URL: it must begin with https, and there is no way around that"},
		{oidc(map[string]string{"RELAY_AUTH_URL": "https://login.example.com/?s3cret"}), "RELAY_AUTH_URL: an issuer's address has no query"},
		{oidc(map[string]string{"RELAY_AUTH_AUDIENCE": ""}), "RELAY_AUTH_AUDIENCE is not set"},
		{oidc(map[string]string{"RELAY_AUTH_CLAIMS": "repositories~={owner}/{repo}"}), ""},
		{oidc(map[string]string{"RELAY_AUTH_CLAIMS": "repositories={owner}/*"}), `RELAY_AUTH_CLAIMS: "repositories={owner}/*": a * stands for anything in a token alone, and where ~= is`},
		{oidc(map[string]string{"RELAY_AUTH_CLAIMS": ""}), "RELAY_AUTH_CLAIMS: is not set"},
		{oidc(map[string]string{"RELAY_AUTH_CLAIMS": "x={branch}"}), `RELAY_AUTH_CLAIMS: "x={branch}": {branch} is no field of private-build-{owner};{repo};{build}`},
		{oidc(map[string]string{"RELAY_AUTH_CLAIMS": "x={owner}-{repo}"}), `RELAY_AUTH_CLAIMS: "x={owner}-{repo}": between {owner} and {repo}`},
		{oidc(map[string]string{"RELAY_AUTH_CLAIMS": "", "RELAY_AUTH_URL": "x"}), "RELAY_AUTH_URL: it must be an address such as https://login.example.com"},
		{oidc(map[string]string{"RELAY_AUTH_CHANNELS": "build"}), `RELAY_AUTH_CHANNELS: "build"`},
		{oidc(map[string]string{"RELAY_AUTH_COOKIE": "a b"}), `RELAY_AUTH_COOKIE is "a b": that is no name of a cookie`},
		{oidc(map[string]string{"RELAY_AUTH_SKEW": "-1s"}), "RELAY_AUTH_SKEW is -1s"},
		{oidc(map[string]string{"RELAY_AUTH_SKEW": "301s"}), "RELAY_AUTH_SKEW is 5m1s: it must be from 0 to 5m"},
	} {
		c.check(t)
	}
}

func TestASourceHostIsAskedAboutRepositories(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"github", "gitlab"} {
		host := func(more map[string]string) map[string]string {
			all := map[string]string{"RELAY_AUTH": mode, "RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build}"}
			maps.Copy(all, more)
			return all
		}
		for _, c := range []authSettings{
			{host(nil), ""},
			{host(map[string]string{"RELAY_AUTH_URL": "http://127.0.0.1:8080/api/v3"}), ""},
			{host(map[string]string{"RELAY_AUTH_URL": "http://ci.example.com/api/v3", "RELAY_ACKNOWLEDGE_INSECURE": "true"}), ""},
			{host(map[string]string{"RELAY_AUTH_URL": "http://ci.example.com/api/v3"}), "RELAY_AUTH_URL: it must begin with https: users' credentials"},
			{host(map[string]string{"RELAY_AUTH_URL": "ci.example.com"}), "RELAY_AUTH_URL: it must be"},
			{host(map[string]string{"RELAY_AUTH_CHANNELS": "private-build-{owner};{build}"}), "RELAY_AUTH_CHANNELS: "},
			{host(map[string]string{"RELAY_AUTH_CHANNELS": ""}), "RELAY_AUTH_CHANNELS: is not set"},
			{host(map[string]string{"RELAY_AUTH_CLAIMS": "a={owner}"}), "RELAY_AUTH_CLAIMS is of no use without RELAY_AUTH=oidc"},
		} {
			c.check(t)
		}
	}
}

func TestTheAuthEndpointIsForOneApp(t *testing.T) {
	t.Parallel()
	of := func(ids ...string) (apps []auth.App) {
		for _, id := range ids {
			apps = append(apps, auth.App{ID: id})
		}
		return apps
	}
	for _, tt := range []struct {
		mode AuthMode
		app  string
		apps []auth.App
		want string // in the error; "" for none
	}{
		{"off", "", of("3", "4"), ""},
		{"forward", "", of("3"), ""},
		{"forward", "3", of("3"), ""},
		{"forward", "4", of("3", "4"), ""},
		{"forward", "", of("3", "4"), "RELAY_AUTH_APP is not set: there are 2 apps"},
		{"forward", "5", of("3", "4"), `RELAY_AUTH_APP is "5": it must be the id of an app`},
		{"forward", "5", of("3"), `RELAY_AUTH_APP is "5"`},
		{"oidc", "", of("3", "4"), "RELAY_AUTH_APP is not set"},
		{"github", "4", of("3"), `RELAY_AUTH_APP is "4"`},
	} {
		err := (&Config{Auth: tt.mode, AuthApp: tt.app}).checkAuthApp(tt.apps)
		if got := fmt.Sprint(err); (err == nil) != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s, %q, %d apps: %v, want %q", tt.mode, tt.app, len(tt.apps), err, tt.want)
		}
	}
}

// The check is of those apps that are served, be they of a file or of the settings.
func TestANodeServesNoAppsOfWhichTheAuthEndpointKnowsNone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{twoApps(t, nil), "RELAY_AUTH_APP is not set"},
		{Config{AppID: "3", AppKey: "key", AppSecret: "secret-of-the-app", AuthApp: "4"}, "RELAY_AUTH_APP is \"4\""},
	} {
		tt.config.Auth = "forward"
		m := metrics.New(prometheus.NewRegistry())
		if _, _, err := tt.config.servedApps(appsfile.Watch{Metrics: m, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
