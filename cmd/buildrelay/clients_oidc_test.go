package main_test

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// issuer is a real one, which serves TLS, and the settings of a relay that believes its tokens.
func issuer(t *testing.T) (*relaytest.Issuer, map[string]string) {
	t.Helper()
	certs := relaytest.NewCerts(t)
	i := relaytest.StartIssuer(t, map[string]map[string]any{
		"ada": {"name": "Ada", "repositories": []string{"acme/*"}},
		"eve": {"name": "Eve", "repositories": []string{"other/site"}},
	}, certs)
	return i, map[string]string{
		"RELAY_AUTH": "oidc", "RELAY_AUTH_URL": i.URL, "RELAY_AUTH_CA_FILE": certs.CAFile, "RELAY_AUTH_AUDIENCE": relaytest.IssuerClient,
		"RELAY_AUTH_CLAIMS": "repositories~={owner}/{repo}", "RELAY_AUTH_COOKIE": "__Host-token", "RELAY_LOG_LEVEL": "debug",
		"RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build} presence-build-{owner};{repo};{build}", "RELAY_DATA_DIR": t.TempDir(),
	}
}

func TestTheRelaySignsForWhoeverShowsATokenThatSaysSo(t *testing.T) {
	t.Parallel()
	const build, room = "private-build-acme;site;7", "presence-build-acme;site;7"
	i, env := issuer(t)
	w := newWorld(t, env)
	adas, eves := i.Login("ada"), i.Login("eve")
	for _, version := range relaytest.PusherJSVersions() {
		w.run(t, version, func(t *testing.T, w world) {
			ada, eve := w.page(t, version, adas.ID), w.page(t, version, eves.ID)
			w.showsBuild(ada, build)
			joinsRoom(t, ada, room, "ada", `{"name":"Ada"}`)
			isRefused(eve, build, room)
			signsIn(ada, version, "ada")
		})
	}
	for name, tt := range map[string]struct {
		header, value string
		want          int
	}{
		"the cookie":            {"Cookie", "a=b; __Host-token=" + adas.ID, http.StatusOK},
		"another's cookie":      {"Cookie", "__Host-token=" + eves.ID, http.StatusForbidden},
		"an access token":       {"Authorization", "Bearer " + adas.Access, http.StatusForbidden},
		"a token without end":   {"Authorization", "Bearer " + adas.ID[:len(adas.ID)-4] + "AAAA", http.StatusForbidden},
		"somebody's session":    {"Cookie", "session=ada", http.StatusForbidden},
		"a password":            {"Authorization", "Basic YWRhOnM=", http.StatusForbidden},
		"the token, and nobody": {"Authorization", adas.ID, http.StatusForbidden},
	} {
		if status, body := w.asksToWatch(t, build, tt.header, tt.value); status != tt.want || (status == http.StatusOK) != strings.Contains(body, relaytest.Key) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	i.Rotate(true)
	next := i.Login("ada").ID
	w.Eventually("the new key is known", func() bool {
		status, _ := w.asksToWatch(t, build, "Authorization", "Bearer "+next)
		return status == http.StatusOK
	})
	w.logsNoToken(t, adas.ID, adas.Access, eves.ID, next)
}

// Nobody is let in of whom nothing is known, and that it is so is told.
func TestWhileTheIssuerIsAwayNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	i, env := issuer(t)
	token := i.Login("ada").ID
	env = maps.Clone(env)
	env["RELAY_AUTH_URL"] = "https://127.0.0.1:1"
	w := newWorld(t, env)
	if status, body := w.asksToWatch(t, "private-build-acme;site;7", "Authorization", "Bearer "+token); status != http.StatusServiceUnavailable || strings.Contains(body, relaytest.Key) {
		t.Errorf("%d %s", status, body)
	}
	w.ExpectMetric(`buildrelay_authorizations_total{outcome="undecided"}`, "counts it", func(n float64) bool { return n == 1 })
	w.Eventually("the log says so", func() bool {
		return strings.Contains(strings.Join(w.Log(), "\n"), "nobody decides who may watch")
	})
	w.logsNoToken(t, token)
}

// asksToWatch posts what pusher-js does, with one header.
func (w world) asksToWatch(t *testing.T, channel, header, value string) (status int, body string) {
	t.Helper()
	form := url.Values{"socket_id": {"1.2"}, "channel_name": {channel}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/pusher/auth", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set(header, value)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (w world) logsNoToken(t *testing.T, tokens ...string) {
	t.Helper()
	_, records := w.AskMetrics("/audit/records?limit=100")
	said := strings.Join(w.LogOfAll(), "\n") + records
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if strings.Contains(said, part[:20]) && len(part) > 200 { // the header is no secret
				t.Error("a token is logged or recorded")
			}
		}
	}
	if !strings.Contains(said, "a token is refused") && !strings.Contains(said, "nobody decides") {
		t.Error("nothing is logged of tokens")
	}
}
