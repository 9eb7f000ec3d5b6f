package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"buildrelay/relay/relaytest"
)

// canaryRun is a relay all of whose secrets are canaries.
type canaryRun struct {
	world
	*relaytest.Canaries
	t     *testing.T
	env   map[string]string // the settings
	dir   string            // the data folder
	token string
	apps  string // the text of the apps file that is right
	file  *appsFile
	hooks *relaytest.Hooks
}

// No secret of a run shows in anything that a run writes, says or answers: not when all is
// well, and not when something is wrong. Nobody writes into the log either.
func TestNoSecretShowsAnywhere(t *testing.T) {
	t.Parallel()
	r := startCanaryRun(t)
	r.monitor()
	r.beUsed()
	r.beAbused()
	r.inject()
	r.reloadAll()
	r.loseRedis()
	r.command()
	r.lookAtOperators()
	r.lookAtProcess()
	r.lookAtRedis()
	r.Stop()
	r.lookAtLog()
	r.expectLines()
	r.lookAtFiles()
	for _, f := range r.Find() {
		t.Errorf("%s shows in %s (%s)", f.What, f.Place, f.Form)
	}
	for place, bytes := range r.Seen() {
		if bytes < 50 {
			t.Errorf("of %s %d bytes were looked at", place, bytes)
		}
	}
}

func startCanaryRun(t *testing.T) *canaryRun {
	t.Helper()
	r := &canaryRun{Canaries: relaytest.NewCanaries(), t: t, dir: t.TempDir(), hooks: relaytest.StartHooks(t)}
	password := r.Make("redis-password")
	server := relaytest.StartRedis(t, relaytest.RedisUser("relay", "on", ">"+password, "~*", "&*", "+@all"),
		relaytest.RedisSettings("slowlog-log-slower-than 0", "slowlog-max-len 100000"))
	r.token = r.Make("admin-token")
	env := map[string]string{
		"RELAY_REDIS_URL": server.URLFor("relay", password), "RELAY_ADMIN_TOKEN": r.token, "RELAY_DATA_DIR": r.dir,
		"RELAY_NODE_URL": "https://127.0.0.1:1", "RELAY_CLUSTER_SECRET": r.Make("cluster-secret"),
		"RELAY_AUDIT_OUTLETS":    "s3://access:" + strings.NewReplacer("/", "%2F", "+", "%2B").Replace(r.Make("outlet-secret")) + "@127.0.0.1:1/bucket",
		"RELAY_WEBHOOK_NETWORKS": "loopback", "RELAY_AUDIT_NODE": "node-1",
		"RELAY_KEYS_FILE": r.makeKeys(),
	}
	certs := relaytest.NewCerts(t)
	key, err := os.ReadFile(certs.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	r.Add("tls-key", strings.Split(string(key), "\n")[1])
	r.writeApps(env["RELAY_KEYS_FILE"])
	env["RELAY_APPS_FILE"] = r.file.path
	r.env = env
	r.world = world{relaytest.StartRelayTLS(t, certs, env), server}
	made, err := os.ReadFile(filepath.Join(r.dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	r.Add("audit-key", strings.TrimSpace(string(made)))
	return r
}

// makeKeys makes a file with keys that seal; its keys are canaries, too.
func (r *canaryRun) makeKeys() (file string) {
	r.t.Helper()
	file = filepath.Join(r.t.TempDir(), "keys.json")
	out, errs, code := runCommand(r.t, []string{"RELAY_KEYS_FILE=" + file}, "keys", "create")
	if code != 0 {
		r.t.Fatalf("keys create: %s%s", out, errs)
	}
	r.Saw("commands", out, errs)
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	var keys struct {
		Key []struct{ KeyData struct{ Value []byte } }
	}
	if err := json.Unmarshal(text, &keys); err != nil || len(keys.Key) == 0 {
		r.t.Fatalf("the keys are %s: %v", text, err)
	}
	value := keys.Key[0].KeyData.Value
	r.Add("sealing-key", string(value[len(value)-32:]))
	return file
}

// seal has a command seal a secret.
func (r *canaryRun) seal(keys, secret string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), relaytest.Build(r.t), "keys", "seal")
	cmd.Env = append(os.Environ(), relaytest.QuickExit, "RELAY_KEYS_FILE="+keys)
	cmd.Stdin = strings.NewReader(secret + "\n")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("keys seal: %v\n%s", err, errs.String())
	}
	r.Saw("commands", string(out), errs.String())
	return strings.TrimSpace(string(out))
}

// writeApps writes an apps file with a secret of each kind.
func (r *canaryRun) writeApps(keys string) {
	r.t.Helper()
	r.Add("app-secret", relaytest.Secret)
	byFile := writeFile(r.t, r.Make("secret-of-a-file")+"\n")
	r.apps = strings.Join([]string{
		"apps:", "  - id: '" + relaytest.AppID + "'", "    keys:",
		"      - {key: " + relaytest.Key + ", secret: " + relaytest.Secret + "}",
		"      - {key: by-file, secret_file: '" + byFile + "'}",
		"      - {key: sealed, secret: '" + r.seal(keys, r.Make("sealed-secret")) + "'}",
		"    client_events: true", "    seal: required",
		"    logs: [{channels: private-build-*, replay: all}]",
		"    webhooks: [{url: '" + r.hooks.URL() + "', headers: {X-Token: '" + r.Make("webhook-header", "webhooks") + "'}}]", "",
	}, "\n")
	r.file = &appsFile{r.t, filepath.Join(r.t.TempDir(), "apps.yaml")}
	r.file.writeText(r.apps)
}

// beUsed does what is right.
func (r *canaryRun) beUsed() {
	line := r.Make("line-of-a-log", "clients", "answers")
	shown := r.Make("data-of-an-event", "clients", "answers", "webhooks", "what is sent in Redis")
	masked := r.Make("masked-value")
	c := r.Connect()
	c.Subscribe("private-build-1")
	c.Subscribe("news")
	r.call(http.MethodPost, "/masks", `{"channel":"news","values":["`+masked+`","short"]}`)
	c.Join("presence-room", "1")
	for event, call := range map[string]string{
		"line":   `{"name":"line","channel":"private-build-1","data":"` + line + `"}`,
		"shown":  `{"name":"shown","channel":"news","data":"` + shown + `"}`,
		"masked": `{"name":"masked","channel":"news","data":"` + masked + `"}`,
	} {
		r.call(http.MethodPost, "/events", call)
		r.Saw("clients", c.Await(event).Text)
	}
	late := r.Connect()
	late.Subscribe("private-build-1")
	r.Saw("clients", late.Await("line").Text)
	late.Signin("bob")
	x := r.ConnectXHR(relaytest.XHROptions{})
	x.Subscribe("news")
	for _, path := range []string{"/channels", "/channels/presence-room/users", "/channels/private-build-1/history"} {
		r.call(http.MethodGet, path, "")
	}
	r.call(http.MethodPost, "/users/bob/terminate_connections", "")
	r.hooks.Await("channel_occupied", "news")
	c.Cut()
	late.Cut()
	for _, call := range r.hooks.Calls() {
		r.Saw("webhooks", call.Body, fmt.Sprint(call.Header))
	}
}

// call is a signed call of the HTTP API, which has to be answered.
func (r *canaryRun) call(method, path, body string) {
	r.t.Helper()
	status, reply := r.Request(method, path, body)
	if status != http.StatusOK {
		r.t.Errorf("%s: %d %s", path, status, reply)
	}
	r.Saw("answers", reply)
}

// inject tries to write lines of its own into logs, by names.
func (r *canaryRun) inject() {
	const line = "x\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\x1b[31m\u202e"
	name, err := json.Marshal(line + strings.Repeat("y", 9000))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, path := range []string{"/app/" + url.PathEscape(line), "/apps/" + url.PathEscape(line) + "/events", "/pusher/app/" + url.PathEscape(line) + "/1/x/xhr"} {
		r.Do(http.MethodPost, path, "")
	}
	c := r.Connect()
	for _, message := range []string{
		`{"event":"pusher:subscribe","data":{"channel":` + string(name) + `}}`, `{"event":` + string(name) + `,"data":{}}`,
		`{"event":"client-x","channel":` + string(name) + `,"data":{}}`, `{"event":"pusher:signin","data":{"auth":` + string(name) + `,"user_data":` + string(name) + `}}`,
	} {
		c.Send(message)
		c.Next()
	}
	c.Cut()
	r.Request(http.MethodPost, "/events", `{"name":`+string(name)+`,"channel":"news","data":"x"}`)
	r.redis.Client().Publish(r.t.Context(), "buildrelay:3:private-build-1", `{"event":`+string(name)+`,"data":"x"}`)
}

// expectLines looks whether each line of the log is one, and short.
func (r *canaryRun) expectLines() {
	for _, line := range r.LogOfAll() {
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil || members["msg"] == "forged" {
			r.t.Errorf("no line of the log's own: %q (%v)", line, err)
		}
		if strings.ContainsAny(line, "\x1b\r\u202e") || len(line) > 4096 {
			r.t.Errorf("a line of the log has %d bytes: %q", len(line), line)
		}
	}
}

// beAbused does what is refused. The signatures that are shown are secrets, too: what is
// nearly right is somebody's.
func (r *canaryRun) beAbused() {
	signature := r.Make("signature", "errors for clients") // of who has sent it
	stranger := r.Connect()
	stranger.Send(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"private-build-1","auth":"%s:%s"}}`, relaytest.Key, signature))
	r.Saw("errors for clients", stranger.Await("pusher:error").Text)
	stranger.SendSignedIn(relaytest.Key+":"+signature, `{"id":"mallory"}`)
	r.Saw("errors for clients", stranger.Await("pusher:error").Text)
	stranger.Send(`{"event":"pusher:subscribe","data":` + signature)
	r.Saw("errors for clients", stranger.Next().Text)
	stranger.Cut()
	path := "/apps/" + relaytest.AppID + "/events?auth_version=1.0&auth_timestamp=1&auth_key=" + relaytest.Key + "&auth_signature=" + signature
	for method, target := range map[string]string{
		http.MethodPost: path, http.MethodGet: strings.Replace(path, "/events", "/channels", 1), http.MethodPut: path,
		http.MethodHead: "/app/" + relaytest.Key + "?auth_signature=" + signature,
	} {
		status, reply := r.Do(method, target, `{"name":"x"}`)
		r.Saw("errors of the API", fmt.Sprint(method, status, reply))
	}
	value := r.Of("masked-value")
	for _, body := range []string{value, `{"` + value + `":1}`, `{"values":["` + value + `"],"values":[]}`, `{"values":"` + value + `"}`, `{"values":["` + value + `"],"ttl":"x"}`} {
		status, reply := r.Request(http.MethodPost, "/masks", body)
		r.Saw("errors of the API", fmt.Sprint(status, reply))
	}
	for _, token := range []string{r.Make("wrong-token"), ""} {
		for _, path := range []string{"/audit", "/audit/export.csv", "/metrics", "/debug/goroutines", "/keys"} {
			r.Saw("errors for operators", r.operate(token, path))
		}
	}
	r.redis.Client().Do(r.t.Context(), "XADD", "buildrelay:audit", "*", "record", "no record")
}

// operate asks the listener for operators.
func (r *canaryRun) operate(token, path string) string {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.Metrics+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return fmt.Sprint(response.Status, response.Header) + "\n" + string(body)
}

// reloadAll has the apps file be wrong in ways that tempt a reader to show what is there, and
// then right again.
func (r *canaryRun) reloadAll() {
	secret := r.Make("misplaced-secret")
	good := "      - {key: " + relaytest.Key + ", secret: " + relaytest.Secret + "}"
	for i, bad := range []string{
		"      - {key: k, secret: [" + secret + "]}", "      - {key: k, secret: {a: " + secret + "}}", "      - {key: k, secret: '" + secret + " '}",
		"      - {key: k, secret: " + secret + ": x}", "      - {key: k, secret: " + secret + ", secret: y}", "      - {key: " + relaytest.Key + ", secret: " + secret + "}",
		"      - {key: k, secret: 'sealed:" + secret + "'}", "      - {key: k, secret: &a " + secret + "}", "      - {key: k, secret: !!int " + secret + "}",
	} {
		r.file.writeText(strings.Replace(r.apps, good, good+"\n"+bad, 1))
		r.reload(fmt.Sprintf("%d apps files are refused", i+1), func() bool { return r.refused() > i })
	}
	r.file.writeText(strings.Replace(r.apps, "client_events: true", "client_events: false", 1))
	r.reload("the apps file is in force", func() bool {
		return strings.Contains(strings.Join(r.Log(), "\n"), "the apps file has changed and is in force")
	})
}

func (r *canaryRun) reload(what string, done func() bool) {
	r.t.Helper()
	r.Signal(syscall.SIGHUP)
	r.Eventually(what, done)
}

// refused is how many apps files were refused.
func (r *canaryRun) refused() int {
	return strings.Count(strings.Join(r.Log(), "\n"), "the apps file is refused")
}

// loseRedis takes the password away from the relay for a while.
func (r *canaryRun) loseRedis() {
	admin := r.redis.Client()
	password := r.Of("redis-password")
	admin.Do(r.t.Context(), "ACL", "SETUSER", "relay", "resetpass", ">other")
	admin.Do(r.t.Context(), "CLIENT", "KILL", "USER", "relay")
	r.Eventually("the relay is not let in", func() bool { return strings.Contains(strings.Join(r.Log(), "\n"), "WRONGPASS") })
	status, reply := r.Request(http.MethodPost, "/events", `{"name":"line","channel":"private-build-1","data":"x"}`)
	r.Saw("errors of the API", fmt.Sprint(status, reply))
	r.Saw("errors for operators", r.operate("", "/readyz"))
	admin.Do(r.t.Context(), "ACL", "SETUSER", "relay", "resetpass", ">"+password)
	r.AwaitReady()
}

// command runs the other commands with the settings of the node. What a build runs is not given
// the secrets of who runs it.
func (r *canaryRun) command() {
	r.t.Helper()
	var environ []string
	for name, value := range r.env {
		environ = append(environ, name+"="+value)
	}
	for _, args := range [][]string{
		{"keys", "rotate"},
		{"keys", "list"},
		{"redis", "check"},
		{"audit", "verify"},
		{"audit", "export"},
		{"pipe", "--channel", "private-build-2", "--", "env"},
	} {
		r.commandWith(environ, 0, args...)
	}
	r.commandWith(environ, 1, "keys", "retire", "00000000")
	vault := relaytest.StartVault(r.t)
	asked := []string{
		"RELAY_KEYS_FILE=" + filepath.Join(r.t.TempDir(), "keys.json"), "RELAY_KEYS_VAULT=" + vault.Key, "RELAY_VAULT_CA_FILE=" + vault.CAFile,
	}
	good, bad := "RELAY_VAULT_TOKEN="+r.Add("vault-token", vault.Token), "RELAY_VAULT_TOKEN="+r.Make("wrong-vault-token")
	r.commandWith(append(asked, good), 0, "keys", "create")
	r.commandWith(append(asked, bad), 1, "keys", "list")
}

func (r *canaryRun) commandWith(environ []string, want int, args ...string) {
	r.t.Helper()
	out, errs, code := runCommand(r.t, environ, args...)
	if code != want {
		r.t.Errorf("%v: code %d\n%s%s", args, code, out, errs)
	}
	r.Saw("commands", out, errs)
}
