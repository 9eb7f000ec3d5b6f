package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/demo"
	"buildrelay/relay/server"
	"buildrelay/relay/transport"
)

// demoFlags is the command line of 'buildrelay demo'.
type demoFlags struct {
	http, https string
	relayPort   int
	firstBuild  int64
	backend     bool
	command     []string
	ports       demoPorts
}

// demoPorts are open from the start, so that no two of several demos take the same.
type demoPorts struct{ http, https, metrics *transport.Listener }

// runDemo is 'buildrelay demo'.
func runDemo(ctx context.Context, args []string) error {
	f, err := parseDemoFlags(args)
	if err != nil {
		return usageError(err)
	}
	c, err := loadConfig(os.Environ())
	if err == nil {
		err = c.loadKeys(ctx)
	}
	if err != nil {
		return err
	}
	if len(c.LogRules) == 0 && c.AppsFile == "" {
		c.LogRules = demoLogs()
	}
	log := newLogger(os.Stderr, c.LogLevel)
	if f.backend {
		return runBackend(ctx, f, c, log)
	}
	return runAll(ctx, f, c, log)
}

func parseDemoFlags(args []string) (demoFlags, error) {
	var f demoFlags
	flags := flag.NewFlagSet("buildrelay demo", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), `usage: buildrelay demo [flags] [-- COMMAND …]

Runs a relay, a Redis, and a small CI backend with its page in one process, on
loopback. Without a command it builds this project again and again, or replays
recorded builds where there is no Go. RELAY_… settings are heeded, but none is
needed.

`)
		flags.PrintDefaults()
	}
	flags.StringVar(&f.http, "http", "127.0.0.1:8080", "address for http and ws; any free port if it is taken")
	flags.StringVar(&f.https, "https", "127.0.0.1:8443", "address for https and wss; any free port if it is taken")
	flags.BoolVar(&f.backend, "backend", false, "only the CI backend, at RELAY_LISTEN; the relay runs elsewhere")
	flags.Int64Var(&f.firstBuild, "first-build", 0, "number of the first build; by default 1 with the built-in Redis, else the time in seconds: no run takes up the logs of another")
	flags.IntVar(&f.relayPort, "relay-port", 6001, "with --backend: the port of the relay, as browsers reach it on the page's host")
	err := flags.Parse(args)
	f.command = flags.Args()
	return f, err
}

// first is the number of the first build where Redis may hold logs of another run.
func (f *demoFlags) first() int64 {
	if f.firstBuild == 0 {
		return time.Now().Unix()
	}
	return f.firstBuild
}

// demoLogs make the builds' channels log channels: the page shows a build from its
// first line.
func demoLogs() LogRules {
	rule := protocol.NewLogRule("private-build-*")
	rule.Replay.Kind = protocol.StartFirst
	return LogRules{rule}
}

// runAll runs everything in one process until ctx ends. The builds end first,
// so that their end is still told.
func runAll(ctx context.Context, f demoFlags, c Config, log *slog.Logger) error {
	redis, err := f.prepare(ctx, &c)
	defer f.ports.close()
	if err != nil {
		return err
	}
	defer redis.Close()
	forget, err := c.keepForNow()
	if err != nil {
		return err
	}
	defer forget()
	if f.firstBuild == 0 && redis.Embedded != nil {
		f.firstBuild = 1
	}
	certificate, err := localCertificate()
	if err != nil {
		return err
	}
	listeners, err := f.listeners(certificate)
	if err != nil {
		return err
	}
	_, app, err := c.backendApps()
	if err != nil {
		return err
	}
	var page http.Handler // set before anything is served
	n, err := newNode(c, log, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { page.ServeHTTP(w, r) }))
	if err != nil {
		return err
	}
	d, err := newBackend(demo.Config{
		AppID: app.ID, Key: app.SigningKey(), Publisher: n.broker,
		First: f.first(), WSPort: portOf(f.http), WSSPort: portOf(f.https), Log: log,
	}, f.command)
	if err != nil {
		return err
	}
	page = strictPage(d.Handler(), c.HSTS)
	n.operators.open = f.ports.metrics
	f.welcome(os.Stdout, c.RedisPrefix+":"+app.ID, certificate, redis)
	if c.audited() && c.MetricsListen != "" {
		fmt.Printf("  The audit trail is at http://%s/audit\n\n", c.MetricsListen)
	}
	return runBoth(ctx, d, func(ctx context.Context) error { return n.run(ctx, listeners) })
}

// runBoth runs builds while serve serves, and ends both when ctx ends or serving
// fails: first the builds.
func runBoth(ctx context.Context, d *demo.Demo, serve func(context.Context) error) error {
	building, stopBuilding := context.WithCancel(ctx)
	defer stopBuilding()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	var err error
	var wait sync.WaitGroup
	wait.Go(func() {
		err = serve(serving)
		stopBuilding()
	})
	d.Run(building)
	stopServing()
	wait.Wait()
	return err
}

// prepare gives the settings what serve would ask for: a Redis, an app, and free
// ports.
func (f *demoFlags) prepare(ctx context.Context, c *Config) (redis localRedis, err error) {
	if !isLoopback(f.http) && !c.AcknowledgeInsecure {
		return redis, fmt.Errorf("--http %s would serve everybody's build output in the clear: give a loopback address, or set RELAY_ACKNOWLEDGE_INSECURE=true", f.http)
	}
	if f.ports.http, err = openPort(ctx, &f.http); err != nil {
		return redis, err
	}
	if f.ports.https, err = openPort(ctx, &f.https); err != nil {
		return redis, err
	}
	if c.AppsFile == "" && (c.AppID == "" || c.AppKey == "" || c.AppSecret == "") {
		c.AppID, c.AppKey, c.AppSecret = "demo", "demo-key", auth.Secret(rand.Text())
	}
	if _, set := os.LookupEnv("RELAY_METRICS_LISTEN"); !set {
		if f.ports.metrics, err = openPort(ctx, &c.MetricsListen); err != nil {
			return redis, err
		}
	}
	if _, set := os.LookupEnv("RELAY_DRAIN_WINDOW"); !set {
		c.DrainWindow = 0 // who ends a demo does not want to wait
	}
	c.DrainDelay = 200 * time.Millisecond // no load balancer has to notice, but the last word of the builds must get out
	if c.RedisURL != "" {
		return redis, nil
	}
	if redis.Embedded, err = broker.StartEmbedded(); err != nil {
		return redis, err
	}
	c.RedisURL = redis.URL()
	return redis, nil
}

// keepForNow gives the audit trail a place until the demo ends, unless the settings do.
func (c *Config) keepForNow() (forget func(), err error) {
	if c.Audit == "off" || c.audited() {
		return func() {}, nil
	}
	if c.DataDir, err = os.MkdirTemp("", "buildrelay-demo-"); err != nil {
		return nil, fmt.Errorf("making a folder for the audit trail: %w", err)
	}
	return func() { _ = os.RemoveAll(c.DataDir) }, nil
}

// localRedis is the built-in Redis, if there is one.
type localRedis struct{ *broker.Embedded }

// Close ends it.
func (r localRedis) Close() {
	if r.Embedded != nil {
		r.Embedded.Close()
	}
}

// localCertificate is made once and kept where the user's programs keep such
// things.
func localCertificate() (server.Certificate, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return server.Certificate{}, fmt.Errorf("looking for a place for the certificate: %w", err)
	}
	return server.LocalCertificate(filepath.Join(cache, "buildrelay"), localHosts(), time.Now())
}

// listeners are plain and TLS.
func (f *demoFlags) listeners(certificate server.Certificate) ([]listener, error) {
	pair, err := loadPair(certificate.Cert, certificate.Key)
	if err != nil {
		return nil, err
	}
	shown := &shown{pair: pair}
	return []listener{
		{address: f.http, open: f.ports.http},
		{address: f.https, tls: shown.config(), shown: shown, open: f.ports.https},
	}, nil
}

// welcome says where to look, and how to publish by hand. In Redis the names of the app's
// channels begin with prefix.
func (f *demoFlags) welcome(w io.Writer, prefix string, certificate server.Certificate, redis localRedis) {
	fmt.Fprintf(w, "\n  Open http://%s\n    or https://%s (its authority is %s)\n", f.http, nameOf(f.https), certificate.CA)
	if redis.Embedded == nil {
		fmt.Fprint(w, "\n  Redis is the one of RELAY_REDIS_URL.\n\n")
		return
	}
	_, port, _ := net.SplitHostPort(redis.Addr())
	id := f.firstBuild + 1000 // not soon one of the demo's own
	build := fmt.Sprintf(`{"id":%d,"channel":"private-build-%d","command":"by hand","status":"running","started":%d,"line":"hello"}`, id, id, time.Now().UnixMilli())
	fmt.Fprintf(w, `
  Redis is built in, at port %s. To put a build into the list by hand:

  redis-cli -p %s PUBLISH %s:private-builds '{"event":"build:updated","data":%s}'

`, port, port, prefix, build)
}

// nameOf returns a loopback address by its name: browsers like it better.
func nameOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err == nil && host == "127.0.0.1" {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

// openPort listens on an address, or on another port if its port is taken, and makes the
// address the one that it got.
func openPort(ctx context.Context, address *string) (*transport.Listener, error) {
	ln, err := transport.Listen(ctx, *address)
	if err != nil {
		host, _, splitErr := net.SplitHostPort(*address)
		if splitErr != nil {
			return nil, splitErr
		}
		if ln, err = transport.Listen(ctx, net.JoinHostPort(host, "0")); err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
	}
	*address = ln.Addr().String()
	return ln, nil
}

// close closes what is still open.
func (p demoPorts) close() {
	for _, ln := range []*transport.Listener{p.http, p.https, p.metrics} {
		if ln != nil {
			_ = ln.Close() // what serves there has closed it before
		}
	}
}

func portOf(address string) int {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return n
}
