package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// ci is a CI that says who may watch what: whoever shows ada's token may watch acme's builds, and
// nobody the others'.
func ci(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Channel string
			Fields  map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Errorf("asked with %v", err)
		}
		switch {
		case r.Header.Get("Authorization") != "Bearer ada-t0ken":
			w.WriteHeader(http.StatusUnauthorized)
		case q.Channel != "" && q.Fields["owner"] != "acme":
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = io.WriteString(w, `{"user_id":"ada","user_info":{"name":"Ada"}}`)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// page is pusher-js that asks the relay itself.
func (w world) page(t *testing.T, version, token string) *relaytest.PusherJS {
	t.Helper()
	headers := map[string]any{"headers": map[string]string{"Authorization": "Bearer " + token}}
	page := relaytest.StartPusherJS(t, version, w.For(t), relaytest.PusherJSOptions{
		Build: buildOf(version), AuthEndpoint: w.URL() + "/pusher/auth",
		Constructor: map[string]any{"auth": headers, "userAuthentication": map[string]any{
			"endpoint": w.URL() + "/pusher/user-auth", "transport": "ajax", "headers": headers["headers"],
		}},
	})
	page.ExpectState("connected")
	return page
}

// showsBuild fails the test unless the page is let in to a build, and sees a line of it.
func (w world) showsBuild(page *relaytest.PusherJS, build string) {
	page.Subscribe(build)
	page.ExpectSubscribed(build)
	w.publish("line", `"hello"`, build)
	page.ExpectEvent(build, "line")
}

// joinsRoom fails the test unless the page is let in to a room, as this member.
func joinsRoom(t *testing.T, page *relaytest.PusherJS, room, id, info string) {
	t.Helper()
	page.Subscribe(room)
	page.ExpectSubscribed(room)
	if got := page.Members(room); got.MyID != id || string(got.Members[id]) != info {
		t.Errorf("members %+v", got)
	}
}

// isRefused fails the test unless the page is let in to none of the channels.
func isRefused(page *relaytest.PusherJS, channels ...string) {
	for _, channel := range channels {
		page.Subscribe(channel)
		page.ExpectEvent(channel, "pusher:subscription_error")
	}
}

// signsIn fails the test unless the page is signed in as this user, where its version can.
func signsIn(page *relaytest.PusherJS, version, id string) {
	if version >= "7.1" {
		page.Signin()
		page.ExpectSignedIn(id)
	}
}

func TestTheRelayItselfSignsForWhomTheCILetsIn(t *testing.T) {
	t.Parallel()
	const build, room = "private-build-acme;site;7", "presence-build-acme;site;7"
	w := newWorld(t, map[string]string{
		"RELAY_AUTH": "forward", "RELAY_AUTH_URL": ci(t).URL + "/?token=ci-s3cret", "RELAY_DATA_DIR": t.TempDir(),
		"RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build} presence-build-{owner};{repo};{build}",
	})
	for _, version := range relaytest.PusherJSVersions() {
		w.run(t, version, func(t *testing.T, w world) {
			ada, eve := w.page(t, version, "ada-t0ken"), w.page(t, version, "eve-t0ken")
			w.showsBuild(ada, build)
			joinsRoom(t, ada, room, "ada", `{"name":"Ada"}`)
			refused := []string{build, "private-list"}
			if version < "4" || version >= "5" { // the build of 4.4 for Node looks for a navigator there
				refused = append(refused, "private-encrypted-build")
			}
			isRefused(eve, refused...)
			ada.Subscribe("private-build-other;site;7")
			ada.ExpectEvent("private-build-other;site;7", "pusher:subscription_error")
			signsIn(ada, version, "ada")
		})
	}
	w.refusesForeignPages(t, build)
	if log := strings.Join(w.LogOfAll(), "\n"); strings.Contains(log, "t0ken") || strings.Contains(log, "s3cret") {
		t.Error("a token is logged")
	}
	w.ExpectMetric(`buildrelay_authorizations_cached_total`, "counts those that were known", func(n float64) bool { return n > 0 })
	w.ExpectMetric(`buildrelay_authorizations_total{outcome="pattern"}`, "counts channels of no pattern", func(n float64) bool { return n > 0 })
}

// A second app would be one for whose channels the CI of the first lets its users in: the file is
// refused until it is said which app is meant.
func TestTheRelaySignsForOneApp(t *testing.T) {
	t.Parallel()
	file := newAppsFile(t, fixtureApp())
	env := map[string]string{"RELAY_AUTH": "forward", "RELAY_AUTH_URL": ci(t).URL, "RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build}"}
	w := newWorld(t, file.env(env))
	refused := w.counting(appsRefused)
	file.write(fixtureApp(), otherApp())
	refused(t, 1)
	w.Eventually("the log says what is to be set", func() bool {
		return strings.Contains(strings.Join(w.Log(), "\n"), "RELAY_AUTH_APP is not set: there are 2 apps")
	})
	w.signsForTheFixtureAlone(t)
	env["RELAY_AUTH_APP"] = relaytest.AppID
	newWorld(t, file.env(env)).signsForTheFixtureAlone(t)
}

func (w world) signsForTheFixtureAlone(t *testing.T) {
	t.Helper()
	for query, want := range map[string]int{"": 200, "?app_key=" + relaytest.Key: 200, "?app_key=" + otherKey: 403} {
		form := url.Values{"socket_id": {"1.2"}, "channel_name": {"private-build-acme;site;7"}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/pusher/auth"+query, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Authorization", "Bearer ada-t0ken")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if signed := strings.Contains(string(body), `"auth":"`+relaytest.Key+":"); err != nil || response.StatusCode != want || signed != (want == 200) {
			t.Errorf("%s: %s %s: %v", query, response.Status, body, err)
		}
	}
}

// Where the endpoint is off there is none.
func TestWithoutTheSettingTheRelaySignsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, path := range []string{"/pusher/auth", "/pusher/user-auth"} {
		response, err := http.PostForm(w.URL()+path, url.Values{"socket_id": {"1.2"}, "channel_name": {"private-x"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
}

// refusesForeignPages looks that a page of another origin gets nothing, whatever credentials its
// user has, and that this is recorded.
func (w world) refusesForeignPages(t *testing.T, channel string) {
	t.Helper()
	form := url.Values{"socket_id": {"1.2"}, "channel_name[0]": {channel}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/pusher/auth", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer ada-t0ken", "Origin": "https://evil.example.net",
	} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusForbidden || strings.Contains(string(body), relaytest.Key) {
		t.Errorf("%s %s: %v", response.Status, body, err)
	}
	w.Eventually("it is recorded that a foreign page asked, and who may not watch", func() bool {
		_, records := w.AskMetrics("/audit/records?limit=100")
		return strings.Contains(records, `"reason":"cross_site"`) && strings.Contains(records, `"reason":"denied"`) && !strings.Contains(records, "t0ken")
	})
}
