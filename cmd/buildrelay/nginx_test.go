package main_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"buildrelay/relay/relaytest"
)

// front is an nginx before a relay that serves it without TLS.
type front struct {
	world
	*relaytest.Nginx
	certs *relaytest.Certs // of nginx; nil where it has no TLS
	known *atomic.Int64    // clients that have an address
}

// documentedNginx is a front as docs/OPERATIONS.md has it, but for addresses and files. The
// relay takes one client from each address.
func documentedNginx(t *testing.T) front {
	t.Helper()
	site, settings := nginxGuide(t)
	settings["RELAY_LISTEN"] = "127.0.0.1:0"
	settings["RELAY_MAX_CONNECTIONS_PER_ADDRESS"] = "1"
	w, certs := newWorld(t, settings), relaytest.NewCerts(t)
	n := relaytest.StartNginx(t, func(address string) string {
		return replaceAll(t, site, map[string]string{
			"listen 443 ":             "listen " + address + " ",
			"http://127.0.0.1:6001":   w.URL(),
			"/etc/ssl/relay/cert.pem": certs.CertFile,
			"/etc/ssl/relay/key.pem":  certs.KeyFile,
		})
	})
	return front{w, n, certs, new(atomic.Int64)}
}

// plainNginx is a front without TLS whose server consists of a location for everything that
// has lines and the proxy_pass to the relay.
func plainNginx(t *testing.T, w world, lines ...string) front {
	t.Helper()
	return front{w, relaytest.StartNginx(t, func(address string) string {
		return "server { listen " + address + "; location / { proxy_pass " + w.URL() + "; " + strings.Join(lines, " ") + " } }"
	}), nil, new(atomic.Int64)}
}

// nginxGuide returns what docs/OPERATIONS.md says of nginx: its configuration, and the
// relay's settings.
func nginxGuide(t *testing.T) (site string, settings map[string]string) {
	t.Helper()
	doc := string(read(t, filepath.Join("..", "..", "docs", "OPERATIONS.md")))
	_, section, _ := strings.Cut(doc, "\n## Behind nginx\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```(dotenv|nginx)\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 || blocks[0][1] != "dotenv" || blocks[1][1] != "nginx" {
		t.Fatalf("docs/OPERATIONS.md has %d blocks on nginx, want one of settings and one of nginx", len(blocks))
	}
	settings = map[string]string{}
	for line := range strings.Lines(blocks[0][2]) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		settings[name] = value
	}
	return blocks[1][2], settings
}

// replaceAll replaces texts each of which must be there.
func replaceAll(t *testing.T, text string, with map[string]string) string {
	t.Helper()
	for before, after := range with {
		if !strings.Contains(text, before) {
			t.Fatalf("nginx' configuration has no %q:\n%s", before, text)
		}
		text = strings.ReplaceAll(text, before, after)
	}
	return text
}

// url is where nginx serves, for the schemes http and https or ws and wss.
func (f front) url(plain, secure string) string {
	if f.certs == nil {
		return plain + "://" + f.Nginx.Address
	}
	return secure + "://" + f.Nginx.Address
}

func (f front) tls() *tls.Config {
	if f.certs == nil {
		return nil
	}
	return f.certs.Client()
}

// socket is a WebSocket through nginx, from an address of somebody behind it.
func (f front) socket(t *testing.T, from string) *relaytest.Client {
	t.Helper()
	target := f.url("ws", "wss") + "/app/" + relaytest.Key + "?protocol=7&client=js&version=8.6.0&flash=false"
	return relaytest.DialWS(t, target, relaytest.WSOptions{TLS: f.tls(), Header: http.Header{"X-Forwarded-For": {from}}}).Client
}

// xhr is socket over HTTP.
func (f front) xhr(t *testing.T, from string, options relaytest.XHROptions) *relaytest.XHRClient {
	t.Helper()
	options.TLS, options.Header = f.tls(), http.Header{"X-Forwarded-For": {from}}
	return relaytest.DialXHR(t, f.url("http", "https")+"/pusher/app/"+relaytest.Key, options)
}

// clients begin a connection of each kind through nginx.
func (f front) clients() map[string]func(t *testing.T, from string) *relaytest.Client {
	all := map[string]func(t *testing.T, from string) *relaytest.Client{"WebSocket": f.socket}
	for name, options := range fallbacks {
		all[name] = func(t *testing.T, from string) *relaytest.Client { return f.xhr(t, from, options).Client }
	}
	return all
}

// somebody is the address of a client that has not come before.
func (f front) somebody() string { return fmt.Sprintf("198.51.100.%d", f.known.Add(1)) }

// converse expects that what a client sends gets through, and that what comes does so at
// once: nothing else is on its way that could push it.
func (f front) converse(t *testing.T, c *relaytest.Client) {
	t.Helper()
	channel := "private-" + strings.ReplaceAll(c.Established(), ".", "-")
	c.Subscribe(channel)
	for i := range 5 {
		f.publish(fmt.Sprintf("event-%d", i), "größer 🚀", channel)
		c.Expect(fmt.Sprintf("event-%d", i))
		c.ExpectOpen()
	}
}

func TestNginxAsDocumented(t *testing.T) {
	t.Parallel()
	f := documentedNginx(t)
	for name, dial := range f.clients() {
		t.Run("carries "+name, func(t *testing.T) {
			t.Parallel()
			f.converse(t, dial(t, f.somebody()))
		})
		t.Run("says who is there by "+name, func(t *testing.T) {
			t.Parallel()
			f.sayWho(t, dial)
		})
	}
	for name, options := range fallbacks {
		t.Run("loses nothing by "+name, func(t *testing.T) {
			t.Parallel()
			f.rotate(t, "private-"+name, f.xhr(t, f.somebody(), options))
		})
	}
	t.Run("carries the HTTP API", func(t *testing.T) {
		t.Parallel()
		f.publishThrough(t)
	})
	t.Run("compresses and holds nothing back", func(t *testing.T) {
		t.Parallel()
		f.compress(t)
	})
}

// sayWho expects that clients count by their own addresses, not by that of nginx.
func (f front) sayWho(t *testing.T, dial func(t *testing.T, from string) *relaytest.Client) {
	t.Helper()
	his := f.somebody()
	first := dial(t, his)
	first.Established()
	second := dial(t, f.somebody())
	second.Established()
	third := dial(t, his)
	third.ExpectError(4100, "Over capacity")
	third.ExpectClose(4100)
	first.ExpectOpen()
	second.ExpectOpen()
}

// A location that has a proxy_pass and nothing else: HTTP/1.0 behind nginx, no upgrades.
func TestNginxWithoutSpecialLinesCarriesTheFallback(t *testing.T) {
	t.Parallel()
	f := plainNginx(t, newWorld(t, nil))
	for name, options := range fallbacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.converse(t, f.xhr(t, f.somebody(), options).Client)
		})
	}
	t.Run("and refuses upgrades", func(t *testing.T) {
		t.Parallel()
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url("http", "https")+"/app/"+relaytest.Key, http.NoBody)
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
		} {
			request.Header.Set(name, value)
		}
		response, err := new(http.Client).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode < 400 || response.StatusCode >= 500 {
			t.Errorf("answered by %s", response.Status)
		}
	})
}

// publishThrough publishes by nginx, too: the signature holds.
func (f front) publishThrough(t *testing.T) {
	t.Helper()
	c := f.xhr(t, f.somebody(), relaytest.XHROptions{})
	c.Established()
	c.Subscribe("news")
	const path, event = "/apps/" + relaytest.AppID + "/events", `{"name":"e","channels":["news"],"data":"größer"}`
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: f.tls()}}
	t.Cleanup(client.CloseIdleConnections)
	target := f.url("http", "https") + path + "?" + sign(http.MethodPost, path, event)
	response, err := client.Post(target, "application/json", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("publishing is answered by %s", response.Status)
	}
	c.Expect("e")
}

// rotate has a client take several responses: pusher-js takes a new one whenever one has
// become long.
func (f front) rotate(t *testing.T, channel string, c *relaytest.XHRClient) {
	t.Helper()
	c.Established()
	c.Subscribe(channel)
	const events = 300
	for i := range events {
		f.publish(fmt.Sprintf("event-%d", i), strings.Repeat("x", 2000), channel)
	}
	for i := range events {
		c.Expect(fmt.Sprintf("event-%d", i))
	}
	if n := len(c.Responses()); n < 3 {
		t.Errorf("it came in %d responses: none was long enough", n)
	}
}

// compress streams as a browser does: nginx compresses, and each frame comes at once.
func (f front) compress(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: f.tls(), ForceAttemptHTTP2: true}}
	t.Cleanup(client.CloseIdleConnections)
	session := f.url("http", "https") + "/pusher/app/" + relaytest.Key + "/417/9k2vd0ab/"
	post := func(action, body string, then func(response *http.Response)) {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, session+action, strings.NewReader(body))
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		then(response)
	}
	post("xhr_streaming?protocol=7&client=js&version=8.6.0", "", func(response *http.Response) {
		if !response.Uncompressed || response.ProtoMajor != 2 {
			t.Errorf("nginx did not compress, or not by HTTP/2: %s %v", response.Proto, response.Header)
		}
		body := bufio.NewReader(response.Body)
		for _, want := range []string{preludeLine[:100], "o", "connection_established"} {
			if got := nextLine(t, body); !strings.Contains(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		for range 3 {
			post("xhr_send", `["{\"event\":\"pusher:ping\",\"data\":{}}"]`, func(*http.Response) {})
			if got := nextLine(t, body); !strings.Contains(got, "pusher:pong") {
				t.Errorf("got %q", got)
			}
		}
	})
}

// The relay speaks before the patience of nginx with a silent relay ends.
func TestNginxEndsNoSilentConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_PING_AFTER": "1s", "RELAY_PONG_TIMEOUT": "1s"})
	f := plainNginx(t, w, "proxy_read_timeout 3s;", "proxy_http_version 1.1;",
		"proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Connection $http_connection;")
	for name, dial := range f.clients() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, f.somebody())
			c.Established()
			for range 5 {
				if name == "WebSocket" {
					c.AwaitPing()
				} else {
					c.AwaitHeartbeat()
				}
			}
			c.ExpectOpen()
		})
	}
}
