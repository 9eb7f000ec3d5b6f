package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// fickleCI lets in whoever shows a token, "Bearer USER", until it is told otherwise.
type fickleCI struct {
	*httptest.Server

	mu      sync.Mutex
	refused map[string]bool
	held    map[string]chan struct{} // whose answers wait, until it is closed
	asked   chan string              // who waits
}

func newFickleCI(t *testing.T) *fickleCI {
	t.Helper()
	ci := &fickleCI{refused: make(map[string]bool), held: make(map[string]chan struct{}), asked: make(chan string, 10)}
	ci.Server = httptest.NewServer(ci)
	t.Cleanup(ci.Close)
	return ci
}

func (ci *fickleCI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	ci.mu.Lock()
	refused, held := ci.refused[user], ci.held[user]
	ci.mu.Unlock()
	if held != nil {
		ci.asked <- user
		<-held
	}
	if refused {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	_, _ = fmt.Fprintf(w, `{"user_id":%q}`, user)
}

// refuse makes it say no from now on, also for what it is asked already, but has not looked at.
func (ci *fickleCI) refuse(user string) {
	ci.mu.Lock()
	defer ci.mu.Unlock()
	ci.refused[user] = true
}

// hold makes its answers wait until the returned function is called.
func (ci *fickleCI) hold(user string) (letGo func()) {
	ci.mu.Lock()
	defer ci.mu.Unlock()
	held := make(chan struct{})
	ci.held[user] = held
	return sync.OnceFunc(func() {
		ci.mu.Lock()
		defer ci.mu.Unlock()
		delete(ci.held, user)
		close(held)
	})
}

// env is that of nodes which believe it for an hour.
func (ci *fickleCI) env(more map[string]string) map[string]string {
	all := map[string]string{
		"RELAY_AUTH": "forward", "RELAY_AUTH_URL": ci.URL, "RELAY_AUTH_CACHE": "1h",
		"RELAY_AUTH_CHANNELS": "private-build-{build} presence-room-{room}",
	}
	maps.Copy(all, more)
	return all
}

// tab is pusher-js on a node, for whom another decides.
func tab(t *testing.T, version string, on, decides world, user string) *relaytest.PusherJS {
	t.Helper()
	page := relaytest.StartPusherJS(t, version, on.For(t), relaytest.PusherJSOptions{
		Build: buildOf(version), AuthEndpoint: decides.URL() + "/pusher/auth",
		Constructor: map[string]any{"auth": map[string]any{"headers": map[string]string{"Authorization": "Bearer " + user}}},
	})
	page.ExpectState("connected")
	return page
}

func revoke(t *testing.T, w world, body string) {
	t.Helper()
	if status, reply := w.Request(http.MethodPost, "/revocations", body); status != http.StatusOK || reply != "{}\n" {
		t.Fatalf("revoking %s: %d %s", body, status, reply)
	}
}

// expectOut waits until a tab came again, and was not let in.
func expectOut(page *relaytest.PusherJS, channels ...string) {
	page.ExpectState("connected")
	for range channels {
		page.Expect("that it is refused", func(s relaytest.Said) bool {
			return s.Type == "event" && s.Event == "pusher:subscription_error"
		})
	}
}

// Whoever decides, and wherever the tab is: nobody waits until the CI's answer is forgotten. Others
// notice nothing.
func TestTheTabsOfWhoIsRevokedEndOnEveryNode(t *testing.T) {
	t.Parallel()
	ci := newFickleCI(t)
	n := newNodes(t, 2, ci.env(nil))
	for _, version := range relaytest.PusherJSVersions() {
		n.apart(t, version, func(t *testing.T, p place) {
			ada, bob := "ada-"+version, "bob-"+version
			build, room := "private-build-"+version, "presence-room-"+version
			near, far := p.on(0), p.on(1)
			tabs := []*relaytest.PusherJS{tab(t, version, near, near, ada), tab(t, version, far, far, ada), tab(t, version, near, far, ada)}
			bobs := []*relaytest.PusherJS{tab(t, version, near, far, bob), tab(t, version, far, far, bob)}
			for _, page := range append(tabs, bobs...) {
				for _, channel := range []string{build, room} {
					page.Subscribe(channel)
					page.ExpectSubscribed(channel)
				}
			}
			before := len(bobs[0].States()) + len(bobs[1].States())
			ci.refuse(ada)
			revoke(t, far, `{"user_id":"`+ada+`"}`)
			for _, page := range tabs {
				expectOut(page, build, room)
			}
			near.publish("line", `"still here"`, build)
			for _, page := range bobs {
				page.ExpectEvent(build, "line")
			}
			if len(bobs[0].States())+len(bobs[1].States()) != before {
				t.Errorf("bob went through %q and %q", bobs[0].States(), bobs[1].States())
			}
			for _, page := range tabs {
				for _, said := range page.Said() {
					if said.Event == "line" {
						t.Error("who is revoked was shown a line")
					}
				}
			}
		})
	}
	n.all[0].ExpectMetric("buildrelay_authorizations_revoked_total", "counts them", func(v float64) bool { return v > 0 })
}

// Who may watch on is let in again at once.
func TestWhoMayStillWatchComesBackToARevokedChannel(t *testing.T) {
	t.Parallel()
	ci := newFickleCI(t)
	n := newNodes(t, 2, ci.env(nil))
	near, far := n.all[0], n.all[1]
	version := newestPusherJS()
	ada, bob, other := tab(t, version, near, far, "ada"), tab(t, version, far, near, "bob"), tab(t, version, near, near, "cyd")
	for _, page := range []*relaytest.PusherJS{ada, bob} {
		page.Subscribe("private-build-acme-1")
		page.ExpectSubscribed("private-build-acme-1")
	}
	other.Subscribe("private-build-other-1")
	other.ExpectSubscribed("private-build-other-1")
	states := len(other.States())
	ci.refuse("ada")
	revoke(t, near, `{"channel":"private-build-acme-*"}`)
	expectOut(ada, "private-build-acme-1")
	bob.ExpectState("connected")
	bob.ExpectSubscribed("private-build-acme-1")
	far.publish("line", "1", "private-build-acme-1", "private-build-other-1")
	bob.ExpectEvent("private-build-acme-1", "line")
	other.ExpectEvent("private-build-other-1", "line")
	if len(other.States()) != states {
		t.Errorf("another channel's reader went through %q", other.States())
	}
}

func newestPusherJS() string {
	versions := relaytest.PusherJSVersions()
	return versions[len(versions)-1]
}

// A node that was cut off ends them when it is back.
func TestANodeThatWasCutOffRevokesAfterAll(t *testing.T) {
	t.Parallel()
	ci := newFickleCI(t)
	n, link := cutNodes(t, ci.env(nil))
	near, far := n.all[0], n.all[1]
	const build = "private-build-1"
	ada, bob := tab(t, newestPusherJS(), far, far, "ada"), tab(t, newestPusherJS(), far, far, "bob")
	for _, page := range []*relaytest.PusherJS{ada, bob} {
		page.Subscribe(build)
		page.ExpectSubscribed(build)
	}
	states := len(bob.States())
	cut(link)
	ci.refuse("ada")
	revoke(t, near, `{"user_id":"ada"}`)
	if len(ada.States()) != states {
		t.Errorf("ada went through %q before the node can know", ada.States())
	}
	link.Heal()
	expectOut(ada, build)
	far.Eventually("the node is ready again", func() bool {
		status, _ := far.Do(http.MethodGet, "/readyz", "")
		return status == http.StatusOK
	})
	near.publish("line", "1", build)
	bob.ExpectEvent(build, "line")
	if len(bob.States()) != states {
		t.Errorf("bob went through %q", bob.States())
	}
}

// authOf is what a node signs for a client.
func authOf(t *testing.T, w world, user, socketID, channel string) (status int, signed string) {
	t.Helper()
	form := url.Values{"socket_id": {socketID}, "channel_name": {channel}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/pusher/auth", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+user)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Auth string }
	if body, err := io.ReadAll(response.Body); err == nil {
		_ = json.Unmarshal(body, &answer) // a refusal is none
	}
	return response.StatusCode, answer.Auth
}

// The CI has decided, and its answer is on its way, when it changes its mind.
func TestWhatIsRevokedWhileItIsDecidedLetsNobodyIn(t *testing.T) {
	t.Parallel()
	ci := newFickleCI(t)
	n := newNodes(t, 2, ci.env(nil))
	near, far := n.all[0], n.all[1]
	const build = "private-build-1"
	letGo := ci.hold("ada")
	t.Cleanup(letGo)
	page := tab(t, newestPusherJS(), near, far, "ada")
	page.Subscribe(build)
	<-ci.asked
	ci.refuse("ada")
	revoke(t, far, `{"user_id":"ada"}`)
	letGo()
	page.ExpectEvent(build, "pusher:subscription_error")
	for _, said := range page.Said() {
		if said.Event == "pusher:subscription_succeeded" {
			t.Error("it was let in")
		}
	}
}

// A client may keep what was signed for it, and come with it when nobody thinks of it any more.
func TestWhatWasSignedBeforeIsNoUseAfterwards(t *testing.T) {
	t.Parallel()
	ci := newFickleCI(t)
	n := newNodes(t, 2, ci.env(nil))
	near, far := n.all[0], n.all[1]
	const build = "private-build-1"
	for i, on := range []world{near, far} {
		c := on.Dial(relaytest.WSOptions{})
		status, signed := authOf(t, far, "ada", c.Established(), build)
		decision, _ := auth.DecisionOf(signed)
		if status != http.StatusOK || decision == nil || decision.User != "ada" {
			t.Fatalf("%d %q", status, signed)
		}
		revoke(t, far, `{"user_id":"ada","channel":"private-*"}`)
		asks := 0
		on.Eventually("the node has heard it", func() bool {
			asks++ // somebody of whom nothing is known
			_, fresh := authOf(t, on, fmt.Sprintf("bob-%d-%d", i, asks), "1.2", build)
			d, _ := auth.DecisionOf(fresh)
			return d != nil && d.After > decision.After
		})
		c.Send(subscribing(fmt.Sprintf(`"channel":%q,"auth":%q`, build, signed)))
		c.ExpectError(4100, "Authorization was revoked")
		c.ExpectClose(4100)
		again := on.Dial(relaytest.WSOptions{})
		_, signed = authOf(t, far, "ada", again.Established(), build)
		again.Send(subscribing(fmt.Sprintf(`"channel":%q,"auth":%q`, build, signed)))
		again.Expect("pusher_internal:subscription_succeeded")
		again.ExpectOpen()
	}
}

// On a single node, too, and where nothing may happen that is not recorded.
func TestRevocationsAreInTheTrail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newFickleCI(t).env(map[string]string{"RELAY_DATA_DIR": t.TempDir(), "RELAY_AUDIT": "strict"}))
	c := w.Dial(relaytest.WSOptions{})
	_, signed := authOf(t, w, "ada", c.Established(), "private-build-1")
	c.Send(subscribing(fmt.Sprintf(`"channel":"private-build-1","auth":%q`, signed)))
	c.Expect("pusher_internal:subscription_succeeded")
	revoke(t, w, `{"user_id":"ada","channel":"private-build-*"}`)
	c.ExpectError(4200, "Authorization was revoked, reconnect immediately")
	c.ExpectClose(4200)
	w.Eventually("it is recorded what was revoked, and whose connection ended", func() bool {
		_, records := w.AskMetrics("/audit/records?limit=100")
		return strings.Contains(records, `"relay.authorization.revoke"`) && strings.Contains(records, `{"user":"ada","channel":"private-build-*"}`) &&
			strings.Contains(records, `"code":4200`)
	})
}
