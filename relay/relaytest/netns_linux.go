package relaytest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

// Namespace is a network of its own, as another machine has one: what runs in it reaches the
// rest of the test through its links alone.
type Namespace struct {
	t     testing.TB
	name  string
	links int
}

// Link is a cable between a namespace and the rest.
type Link struct {
	// Inside and Outside are the addresses at its ends, without a port.
	Inside, Outside string

	n                *Namespace
	device, opposite string // of the ends outside and inside
}

// NeedNamespaces skips the test where namespaces cannot be made, and says why.
func NeedNamespaces(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces are for root alone")
	}
	for _, program := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no command %s: run .ci/setup iproute", program)
		}
	}
	n := &Namespace{t: t, name: namespaceName()}
	if output, err := n.try("ip", "netns", "add", n.name); err != nil {
		t.Skipf("network namespaces cannot be made: %v: %s", err, output)
	}
	n.run("ip", "netns", "delete", n.name)
}

// namespaceName is a name that no namespace has. With it devices have names of 15 bytes at
// most, as they must.
func namespaceName() string {
	for {
		name := fmt.Sprintf("%s%d-%d", namespacePrefix, os.Getpid(), rand.IntN(1000))
		if _, err := os.Stat(namespaceFiles + name); err != nil {
			return name
		}
	}
}

// namespaceFiles is where ip keeps namespaces.
const namespaceFiles = "/var/run/netns/"

const namespacePrefix = "relaytest-"

// NewNamespace makes a namespace with one link. It ends with the test.
func NewNamespace(t testing.TB) (*Namespace, *Link) {
	t.Helper()
	NeedNamespaces(t)
	sweepNamespaces(t)
	n := &Namespace{t: t, name: namespaceName()}
	n.run("ip", "netns", "add", n.name)
	t.Cleanup(func() { n.run("ip", "netns", "delete", n.name) })
	n.run("ip", "-n", n.name, "link", "set", "lo", "up")
	return n, n.Connect()
}

// sweepNamespaces removes what tests have left that were killed.
func sweepNamespaces(t testing.TB) {
	t.Helper()
	output, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		t.Fatalf("listing network namespaces: %v", err)
	}
	for line := range strings.Lines(string(output)) {
		name := strings.Fields(line)[0]
		owner, found := strings.CutPrefix(name, namespacePrefix)
		if !found {
			continue
		}
		pid, _, _ := strings.Cut(owner, "-")
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			_ = exec.Command("ip", "netns", "delete", name).Run() // another test may be quicker
		}
	}
}

// Connect adds a link to the namespace.
func (n *Namespace) Connect() *Link {
	n.t.Helper()
	n.links++
	id := strings.TrimPrefix(n.name, namespacePrefix) + "-" + strconv.Itoa(n.links)
	l := &Link{n: n, device: "rt" + id, opposite: "eth" + strconv.Itoa(n.links)}
	l.Inside, l.Outside = unusedAddresses(n.t)
	n.run("ip", "link", "add", l.device, "type", "veth", "peer", "name", l.opposite, "netns", n.name)
	n.t.Cleanup(func() { _, _ = n.try("ip", "link", "delete", l.device) }) // gone with the namespace, at some time
	n.run("ip", "addr", "add", l.Outside+"/30", "dev", l.device)
	n.run("ip", "-n", n.name, "addr", "add", l.Inside+"/30", "dev", l.opposite)
	n.run("ip", "link", "set", l.device, "up")
	n.run("ip", "-n", n.name, "link", "set", l.opposite, "up")
	// A silent link is not to be noticed by the neighbour that does not answer any more, as
	// a router between the two would.
	n.run("ip", "neigh", "replace", l.Inside, "lladdr", n.hardware("ip", "-n", n.name, "link", "show", l.opposite), "dev", l.device)
	n.run("ip", "-n", n.name, "neigh", "replace", l.Outside, "lladdr", n.hardware("ip", "link", "show", l.device), "dev", l.opposite)
	return l
}

// hardware is the hardware address of the device that a command shows.
func (n *Namespace) hardware(program string, args ...string) string {
	n.t.Helper()
	fields := strings.Fields(n.run(program, args...))
	at := slices.Index(fields, "link/ether")
	if at < 0 || at+1 >= len(fields) {
		n.t.Fatalf("%v: no address in %v", args, fields)
	}
	return fields[at+1]
}

// unusedAddresses are two addresses of a network of their own that this machine has nothing of.
func unusedAddresses(t testing.TB) (inside, outside string) {
	t.Helper()
	has, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatalf("reading this machine's addresses: %v", err)
	}
	for range 100 {
		base := rand.IntN(1 << 14)
		address := func(host int) string { return fmt.Sprintf("10.213.%d.%d", base>>6, base&63<<2+host) }
		used := func(a net.Addr) bool { return strings.HasPrefix(a.String(), address(1)+"/") }
		if !slices.ContainsFunc(has, used) {
			return address(2), address(1)
		}
	}
	t.Fatal("all of 10.213.0.0/16 is in use")
	return "", ""
}

// Cut drops all that the link is to carry, both ways, and tells nobody.
func (l *Link) Cut() {
	l.n.t.Helper()
	l.n.run("tc", "qdisc", "add", "dev", l.device, "root", "blackhole")
	l.n.run("tc", "-n", l.n.name, "qdisc", "add", "dev", l.opposite, "root", "blackhole")
}

// Mend ends a Cut.
func (l *Link) Mend() {
	l.n.t.Helper()
	l.n.run("tc", "-n", l.n.name, "qdisc", "delete", "dev", l.opposite, "root")
	l.n.run("tc", "qdisc", "delete", "dev", l.device, "root")
}

// Command is a command that runs in the namespace.
func (n *Namespace) Command(program string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", n.name, program}, args...)...)
}

// Dial connects from within the namespace to an IP address.
func (n *Namespace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	type dialed struct {
		conn net.Conn
		err  error
	}
	answer := make(chan dialed, 1)
	// Dial waits for it.
	go func() {
		// The thread is in the namespace then, and ends with the goroutine.
		runtime.LockOSThread()
		if err := n.enter(); err != nil {
			answer <- dialed{nil, err}
			return
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		answer <- dialed{conn, err}
	}()
	d := <-answer
	return d.conn, d.err
}

// enter takes the calling thread into the namespace.
func (n *Namespace) enter() error {
	file, err := os.Open(namespaceFiles + n.name)
	if err != nil {
		return fmt.Errorf("opening the namespace: %w", err)
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), syscall.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the namespace: %w", err)
	}
	return nil
}

// RedisIn makes the server run in the namespace and listen at the inner end of the link,
// and of others that it has.
func RedisIn(l *Link, others ...*Link) RedisOption {
	return func(r *Redis) {
		r.host, r.command = l.Inside, l.n.Command
		for _, other := range others {
			r.lines = append(r.lines, "bind "+l.Inside+" "+other.Inside)
		}
	}
}

// RedisAt makes the server listen at the outer end of the link.
func RedisAt(l *Link) RedisOption { return func(r *Redis) { r.host = l.Outside } }

// DistantRedis is a Redis that relays reach by a link, and others as they are used to.
type DistantRedis struct {
	*Redis
	Relays *Link
}

// URL is where relays find it.
func (d DistantRedis) URL() string {
	return fmt.Sprintf("redis://%s:%d", d.Relays.Inside, d.port)
}

// Client is a client that uses no link of the relays.
func (d DistantRedis) Client() redis.UniversalClient { return d.Redis.Client() }

// SentinelAcross puts the first master into the link's namespace; all else is outside.
func SentinelAcross(l *Link) SentinelOption {
	return func(p *sentinelPlan) {
		p.hosts = func(node int) RedisOption {
			if node == 0 {
				return RedisIn(l)
			}
			return RedisAt(l)
		}
	}
}

// StartRelayIn is StartRelay for a relay in the link's namespace, whose clients come by
// that link.
func StartRelayIn(t testing.TB, l *Link, env map[string]string) *Relay {
	t.Helper()
	all := map[string]string{
		"RELAY_LISTEN": l.Inside + ":0", "RELAY_METRICS_LISTEN": l.Inside + ":0", "RELAY_ACKNOWLEDGE_INSECURE": "true",
	}
	maps.Copy(all, env)
	cmd := l.n.Command(Build(t), "serve")
	return start(t, cmd.Path, all, nil, cmd.Args[1:]...)
}

func (n *Namespace) run(program string, args ...string) string {
	n.t.Helper()
	output, err := n.try(program, args...)
	if err != nil {
		n.t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, output)
	}
	return output
}

func (n *Namespace) try(program string, args ...string) (string, error) {
	output, err := exec.Command(program, args...).CombinedOutput()
	return string(output), err
}
