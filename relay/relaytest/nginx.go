package relaytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Nginx is an nginx of a test's own on loopback, as Debian packages and configures it, with
// everything on that could hold back or change an answer: gzip for all types and clients
// beside the buffering that is on by itself. It keeps its files in a folder of the test.
type Nginx struct {
	// Address is where it listens, as host:port.
	Address string

	t       testing.TB
	dir     string
	process *child
}

// StartNginx starts nginx with what site returns for the address at which it is to listen,
// and returns when it does: directives that may stand in the http block.
func StartNginx(t testing.TB, site func(address string) string) *Nginx {
	t.Helper()
	n := &Nginx{t: t, dir: t.TempDir()}
	for range 5 {
		n.Address = fmt.Sprintf("127.0.0.1:%d", freePort(t))
		if n.start(site(n.Address)) {
			return n
		}
	}
	t.Fatalf("nginx did not start:\n%s", n.process.said())
	return nil
}

// start reports whether nginx listens; if not, its port was taken.
func (n *Nginx) start(site string) bool {
	n.t.Helper()
	config := filepath.Join(n.dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(n.config(site)), 0o600); err != nil {
		n.t.Fatalf("writing nginx' configuration: %v", err)
	}
	// -e: it would look for the folder of its logs before it reads the configuration.
	n.process = startChild(n.t, "nginx", exec.Command(findNginx(n.t), "-e", "stderr", "-p", n.dir, "-c", config))
	line, _ := n.process.expectLine(n.t, n.process.stderr, "its start", 0, func(line string) bool {
		return strings.Contains(line, "event method") || strings.Contains(line, "[emerg]")
	})
	taken := strings.Contains(line, "Address already in use")
	if strings.Contains(line, "[emerg]") && !taken {
		n.t.Fatalf("nginx does not take its configuration: %s\n%s", line, site)
	}
	return !taken
}

// findNginx looks where .ci/setup looks: its folder is not in everybody's PATH.
func findNginx(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Fatal("nginx is not installed: run .ci/setup nginx")
	return ""
}

// config is Debian's nginx.conf, with its lines on gzip that are comments there. One process
// is enough, and leaves nothing behind when it is killed.
func (n *Nginx) config(site string) string {
	return `daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 768; }
http {
	access_log access.log;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;

	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers on;
	gzip on;
	gzip_vary on;
	gzip_proxied any;
	gzip_types text/plain text/css application/json application/javascript text/xml application/xml text/javascript;

` + site + `
}
`
}

// Requests are those that it has answered so far, as it logs them: the combined format.
func (n *Nginx) Requests() []string {
	n.t.Helper()
	log, err := os.ReadFile(filepath.Join(n.dir, "access.log"))
	if err != nil {
		n.t.Fatalf("reading nginx' log: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(log)), "\n")
}
