package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// keyedApp is the fixture's app with these keys, each a mapping in YAML.
func keyedApp(keys ...string) string {
	return "  - id: '" + relaytest.AppID + "'\n    keys: [" + strings.Join(keys, ", ") + "]"
}

// rotation is a cluster of two nodes with one apps file, whose app gets another key.
type rotation struct {
	t         *testing.T
	file      *appsFile
	nodes     []world
	old, next auth.Key
	// signs is the key that the app's backend signs with.
	signs atomic.Pointer[auth.Key]
}

func newRotation(t *testing.T, window time.Duration) *rotation {
	t.Helper()
	r := &rotation{
		t: t, old: auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}, next: auth.Key{Key: "next", Secret: "the secret of the next key"},
	}
	r.file = newAppsFile(t, r.app("active", ""))
	r.signs.Store(&r.old)
	redis := relaytest.StartRedis(t)
	for range 2 {
		env := r.file.env(map[string]string{"RELAY_DRAIN_WINDOW": window.String(), "RELAY_DATA_DIR": t.TempDir()})
		r.nodes = append(r.nodes, world{relaytest.StartRelay(t, with(redis, env)), redis})
	}
	return r
}

// app is the app with its keys in these states; "" for one that it does not have.
func (r *rotation) app(old, next string) string {
	var keys []string
	for _, key := range []struct {
		auth.Key
		state string
	}{{r.old, old}, {r.next, next}} {
		if key.state != "" {
			keys = append(keys, fmt.Sprintf("{key: %s, secret: '%s', state: %s}", key.Key.Key, string(key.Secret), key.state))
		}
	}
	return keyedApp(keys...)
}

// put puts the keys in these states on all nodes, and returns when the last one has it.
func (r *rotation) put(old, next string) {
	r.t.Helper()
	var taken []func(*testing.T, int)
	for _, w := range r.nodes {
		taken = append(taken, w.counting(appsTaken))
	}
	r.file.write(r.app(old, next))
	for _, taken := range taken {
		taken(r.t, 1)
	}
}

// page is pusher-js that has connected by the next key, and whose subscription the backend has
// signed.
func (r *rotation) page(w world) *relaytest.PusherJS {
	r.t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, question *http.Request) {
		signed := auth.SignChannel(*r.signs.Load(), question.FormValue("socket_id"), question.FormValue("channel_name"), nil)
		_ = json.NewEncoder(answer).Encode(map[string]string{"auth": signed})
	}))
	r.t.Cleanup(backend.Close)
	page := relaytest.StartPusherJS(r.t, "8.6.0", w.Relay, relaytest.PusherJSOptions{
		Key: r.next.Key, AuthEndpoint: backend.URL, Build: "web", Patience: 2 * relaytest.Patience,
	})
	page.ExpectState("connected")
	page.Subscribe("private-r")
	page.ExpectSubscribed("private-r")
	return page
}

// connectBy is a client that has connected by one key, and whose subscription is signed by
// another.
func (w world) connectBy(t *testing.T, key, signer auth.Key) *relaytest.WSClient {
	t.Helper()
	c := relaytest.DialWS(t, w.SocketURL(key.Key), relaytest.WSOptions{})
	c.Established()
	c.Send(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"private-r","auth":%q}}`, auth.SignChannel(signer, c.SocketID, "private-r", nil)))
	c.Await("pusher_internal:subscription_succeeded")
	return c
}

// status is the status of a call that a key has signed.
func (w world) status(key auth.Key, method, path, body string) (int, string) {
	path = "/apps/" + relaytest.AppID + path
	return w.Do(method, path+"?"+auth.SignRequest(key, method, path, nil, []byte(body), time.Now()), body)
}

// F23: a key is replaced while builds are published and watched by it. Nothing fails that a
// valid key has signed; once the old one is revoked no node takes it, and who stood on it is
// asked to come again, spread over the window.
func TestAKeyIsReplacedUnderLoadAndNobodyIsDropped(t *testing.T) {
	t.Parallel()
	window, crowd := relaytest.Lasting(30*time.Second, 2*time.Second), int(relaytest.Lasting(100, 5))
	r := newRotation(t, window)
	loads := r.load(r.old)
	var standing, staying []*relaytest.WSClient
	for _, w := range r.nodes {
		for range crowd {
			standing = append(standing, w.connectBy(t, r.old, r.old))
		}
	}
	r.put("active", "active")
	loads = append(loads, r.load(r.next)...)
	for _, w := range r.nodes {
		standing = append(standing, w.connectBy(t, r.old, r.next), w.connectBy(t, r.next, r.old))
		staying = append(staying, w.connectBy(t, r.next, r.next))
	}
	page := r.page(r.nodes[0])
	r.signs.Store(&r.next)
	r.put("retiring", "active")
	began := time.Now()
	for _, w := range r.nodes {
		w.connectBy(t, r.old, r.old).Cut() // what it has signed is good until it is revoked
	}
	r.expectUses(began)
	expectRounds(t, loads[:len(r.nodes)])

	began = time.Now()
	r.put("revoked", "active")
	r.expectRefused()
	refused := time.Now()
	t.Logf("the old key is refused by all nodes %v after the file was written", refused.Sub(began))
	for _, c := range standing {
		expectEnd(t, c, 4200)
	}
	if spread := time.Since(refused); relaytest.Full() && spread < window/3 { // the rest of a short window may be over
		t.Errorf("all were asked within %v", spread)
	}
	for _, c := range staying {
		c.ExpectOpen()
	}
	page.ExpectState("connected") // again
	page.ExpectSubscribed("private-r")
	if states := page.States(); !slices.Equal(states, []string{"connecting", "connected", "connecting", "connected"}) {
		t.Errorf("the page went through %v", states)
	}
	expectRounds(t, loads[len(r.nodes):])
	r.expectTold()
}

// load starts rounds by a key at each node.
func (r *rotation) load(key auth.Key) (loads []*relaytest.Rounds) {
	r.t.Helper()
	for _, w := range r.nodes {
		loads = append(loads, relaytest.StartRounds(r.t, w.Address, key, 2))
	}
	return loads
}

// expectRounds ends rounds, of which none may have failed.
func expectRounds(t *testing.T, loads []*relaytest.Rounds) {
	t.Helper()
	for _, load := range loads {
		done, wrong := load.Stop()
		if wrong != nil || done == 0 {
			t.Errorf("%d rounds, and %v", done, wrong)
		}
		t.Logf("%d rounds", done)
	}
}

// expectRefused expects that no node takes the old key, in the words for one that never was.
func (r *rotation) expectRefused() {
	r.t.Helper()
	for _, w := range r.nodes {
		if status, text := w.status(r.old, http.MethodGet, "/channels", ""); status != http.StatusUnauthorized || text != "Unknown auth_key\n" {
			r.t.Errorf("the old key is answered by %d %s", status, text)
		}
		refused := relaytest.DialWS(r.t, w.SocketURL(r.old.Key), relaytest.WSOptions{})
		refused.ExpectError(4001, r.old.Key)
		expectEnd(r.t, refused, 4001)
		c := relaytest.DialWS(r.t, w.SocketURL(r.next.Key), relaytest.WSOptions{})
		c.Established()
		c.Request("private-r", "") // signed by the old key
		c.ExpectError(0, "Invalid key in subscription auth data")
		c.ExpectOpen()
		c.Cut()
	}
}

// toldKey is a key as /keys tells it.
type toldKey struct {
	App, Key, State  string
	Since            time.Time
	Rights, Channels []string
	LastUsed         map[string]*time.Time `json:"last_used"`
	Refused          int
}

func (r *rotation) keys(w world) map[string]toldKey {
	r.t.Helper()
	status, text := w.AskMetrics("/keys")
	var answer struct{ Keys []toldKey }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK {
		r.t.Fatalf("/keys: %d %s", status, text)
	}
	if strings.Contains(text, relaytest.Secret) || strings.Contains(text, string(r.next.Secret)) {
		r.t.Errorf("/keys tells a secret: %s", text)
	}
	byName := make(map[string]toldKey)
	for _, key := range answer.Keys {
		byName[key.Key] = key
	}
	return byName
}

// expectUses expects that every node shows that the key which retires is in use since then.
func (r *rotation) expectUses(since time.Time) {
	r.t.Helper()
	for _, w := range r.nodes {
		w.Eventually("the old key is seen in use", func() bool {
			old := r.keys(w)[r.old.Key]
			for _, use := range []string{"connect", "subscribe", "publish"} {
				if at := old.LastUsed[use]; at == nil || at.Before(old.Since) || at.Before(since) {
					return false
				}
			}
			return old.State == "retiring" && old.LastUsed["read"] == nil && old.Refused == 0
		})
		series := fmt.Sprintf(`{app="3",key="%s"`, r.old.Key)
		if used, retired := w.Metric("buildrelay_key_last_used_timestamp_seconds"+series+"}"), w.Metric("buildrelay_key_state_timestamp_seconds"+series+`,state="retiring"}`); used < retired || retired == 0 {
			r.t.Errorf("used last at %v, retiring since %v", used, retired)
		}
	}
}

// expectTold expects that the nodes tell of the tries of the revoked key, and have recorded that
// it was revoked.
func (r *rotation) expectTold() {
	r.t.Helper()
	for _, w := range r.nodes {
		if old := r.keys(w)[r.old.Key]; old.State != "revoked" || old.Refused != 3 {
			r.t.Errorf("the old key is %+v", old)
		}
		if n := w.Metric(fmt.Sprintf(`buildrelay_key_refused_total{app="3",key="%s"}`, r.old.Key)); n != 3 {
			r.t.Errorf("%v tries are counted", n)
		}
		w.Eventually("the records are there", func() bool {
			_, text := w.AskMetrics("/audit/export.csv?action=relay.*")
			count := func(parts ...string) (n int) {
				for line := range strings.Lines(text) {
					has := true
					for _, part := range parts {
						has = has && strings.Contains(line, part)
					}
					if has {
						n++
					}
				}
				return n
			}
			return count("relay.key.revoke", r.old.Key) == 1 && count("relay.key.refuse", "revoked key") == 1 &&
				count("relay.connection.refuse", "revoked key") == 1 && count("relay.subscription.deny", "revoked key") == 1
		})
	}
}

// A build of a fork has a key that is for its own channels.
func TestAForksBuildPublishesToItsOwnChannelsOnly(t *testing.T) {
	t.Parallel()
	fork := auth.Key{Key: "fork", Secret: "the secret of the fork's key"}
	file := newAppsFile(t, keyedApp(
		fmt.Sprintf("{key: %s, secret: '%s'}", relaytest.Key, relaytest.Secret),
		fmt.Sprintf("{key: fork, secret: \"%s\", rights: [publish], channels: ['private-fork-7-*']}", string(fork.Secret)),
	))
	w := newTLSWorld(t, file.env(nil))
	run := func(args ...string) (stdout, stderr string, code int) {
		env := []string{"RELAY_APP_ID=" + relaytest.AppID, "RELAY_APP_KEY=fork", "RELAY_APP_SECRET=" + string(fork.Secret), "RELAY_API_URL=" + w.URL()}
		args = append([]string{args[0], "--ca-file", w.Certs.CAFile}, args[1:]...)
		return runCommand(t, env, args...)
	}
	reader := w.read(t, "private-fork-7-build")
	if out, errs, code := run("pipe", "--channel", "private-fork-7-build", "--", "echo", "hello"); code != 0 || out != "hello\n" || errs != "" {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	reader.client.Expect("build:started")
	if got := string(reader.output()); got != "hello\n" {
		t.Errorf("published %q", got)
	}
	others := w.read(t, "private-build-7")
	out, errs, code := run("pipe", "--channel", "private-build-7", "--", "echo", "hello")
	if out != "hello\n" || !strings.Contains(errs, "the key fork lacks the right to publish on private-build-7") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	others.client.ExpectOpen()
	if got := others.client.Received(); strings.Contains(fmt.Sprint(got), "build:started") {
		t.Errorf("another build's channel got %v", got)
	}
	if _, errs, code := run("tail", "private-fork-7-build"); code == 0 || !strings.Contains(errs, "lacks the right to read") {
		t.Errorf("tail ends with %d: %s", code, errs)
	}
	c := relaytest.DialWS(t, w.SocketURL("fork"), relaytest.WSOptions{TLS: w.Certs.Client()})
	c.ExpectError(4009, "lacks the right to subscribe")
	expectEnd(t, c, 4009)
}
