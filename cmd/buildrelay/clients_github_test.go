package main_test

import (
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// Whoever may read a repository at the source host watches its builds, with the token that he has
// there.
func TestTheRelayItselfSignsForWhoMayReadTheRepository(t *testing.T) {
	t.Parallel()
	const build, open, room = "private-build-acme;site;7", "private-build-acme;open;7", "presence-build-acme;site;7"
	g := relaytest.StartGitHub(t)
	g.AddUser("ada-t0ken", relaytest.GitHubUser{Login: "ada", Name: "Ada", ID: 5})
	g.AddUser("eve-t0ken", relaytest.GitHubUser{Login: "eve", Name: "Eve", ID: 6})
	g.SetRepo(relaytest.GitHubRepo{Name: "acme/site", Private: true, Readers: []string{"ada"}})
	g.SetRepo(relaytest.GitHubRepo{Name: "acme/open"})
	w := newWorld(t, map[string]string{
		"RELAY_AUTH": "github", "RELAY_AUTH_URL": g.URL, "RELAY_AUTH_CACHE": "0s",
		"RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build} presence-build-{owner};{repo};{build}",
	})
	for _, version := range relaytest.PusherJSVersions() {
		w.run(t, version, func(t *testing.T, w world) {
			ada, eve := w.page(t, version, "ada-t0ken"), w.page(t, version, "eve-t0ken")
			w.showsBuild(ada, build)
			joinsRoom(t, ada, room, "5", `{"login":"ada","name":"Ada"}`)
			isRefused(eve, build, room)
			eve.Subscribe(open)
			eve.ExpectSubscribed(open)
			signsIn(ada, version, "5")
		})
	}
	g.SetRepo(relaytest.GitHubRepo{Name: "acme/site", Private: true})
	gone := w.page(t, relaytest.PusherJSVersions()[0], "ada-t0ken")
	gone.Subscribe(build)
	gone.ExpectEvent(build, "pusher:subscription_error")
	if log := strings.Join(w.LogOfAll(), "\n"); strings.Contains(log, "t0ken") {
		t.Error("a token is logged")
	}
}
