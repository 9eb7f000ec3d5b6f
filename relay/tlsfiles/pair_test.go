package tlsfiles_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/tlsfiles"
)

func TestAnotherPairIsTakenOnce(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first, second := issue(a, "first", nil), issue(a, "second", nil)
	r := newRig(t, first)
	r.look(3)
	if len(r.changes) > 0 || r.log.Len() > 0 {
		t.Errorf("what did not change was told: %+v\n%s", r.changes, r.log.String())
	}
	r.write(second)
	r.look(1)
	if r.pair.Certificate().Leaf.Subject.CommonName != "first" {
		t.Error("what only one look saw is in force")
	}
	r.look(4)
	r.expect(second, 1, 0, true)
	if c := r.changes[0]; c.Use != "listener" || c.Before == c.After || !c.Expiry.Equal(second.leaf.NotAfter) {
		t.Errorf("the change is told as %+v", c)
	}
	r.write(first)
	r.look(2)
	r.expect(first, 2, 0, true)
}

func TestABadPairIsKeptOutAndToldOnce(t *testing.T) {
	a := relaytest.NewAuthority(t)
	second := newIntermediate(t, a, "an intermediate").issue(a, "second")
	first := newIntermediate(t, a, "an intermediate").issue(a, "first")
	other := newIntermediate(t, a, "another intermediate").issue(a, "other")
	at := func(from, until time.Duration) issued {
		return issue(a, "at another time", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until)
		})
	}
	broken := []byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("secret")})
	for name, test := range map[string]struct {
		bad  issued
		want string // in the error
	}{
		"another key":              {issued{cert: second.cert, key: other.key}, "does not match"},
		"another certificate":      {issued{cert: other.cert, key: first.key}, "does not match"},
		"half a certificate":       {issued{cert: second.cert[:200], key: second.key}, "is cut off"},
		"half a chain":             {issued{cert: second.cert[:len(second.cert)-100], key: second.key}, "is cut off"},
		"half a key":               {issued{cert: second.cert, key: second.key[:100]}, "is cut off"},
		"no chain":                 {issued{cert: firstOf(second.cert), key: second.key}, "the chain is missing"},
		"another's chain":          {issued{cert: append(firstOf(second.cert), other.cert[len(firstOf(other.cert)):]...), key: second.key}, "another certificate's"},
		"a broken block":           {issued{cert: slices.Concat(firstOf(second.cert), broken, second.cert), key: second.key}, "is cut off"},
		"nothing":                  {issued{}, "is no PEM file"},
		"a key for a certificate":  {issued{cert: second.key, key: second.key}, "holds none"},
		"a certificate for a key":  {issued{cert: second.cert, key: second.cert}, "failed to find PEM block"},
		"a key with a pass phrase": {issued{cert: second.cert, key: locked}, "has a pass phrase"},
		"no certificate in it":     {issued{cert: []byte("-----BEGIN CERTIFICATE-----\naGFsbG8=\n-----END CERTIFICATE-----\n"), key: second.key}, "cannot be read"},
		"expired":                  {at(-2*time.Hour, -time.Hour), "has expired at"},
		"too early":                {at(time.Hour, 2*time.Hour), "is not valid before"},
		"a weak key":               {weak(t, a), "1024 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, first)
			r.write(test.bad)
			r.look(5)
			r.expect(first, 0, 1, false)
			if len(r.changes) == 1 && !strings.Contains(r.changes[0].Err.Error(), test.want) {
				t.Errorf("the error is %q, want that it has %q", r.changes[0].Err, test.want)
			}
			if strings.Contains(r.log.String(), "BEGIN") {
				t.Errorf("a key is logged: %s", r.log.String())
			}
			r.write(first)
			r.look(5)
			r.expect(first, 0, 1, true) // it is what is in force
			r.write(test.bad)
			r.look(5)
			r.write(second)
			r.look(5)
			r.expect(second, 1, 2, true)
			_, cannot := tls.X509KeyPair(test.bad.cert, test.bad.key)
			if _, err := tlsfiles.LoadPair("listener", writeBad(t, test.bad.cert), writeBad(t, test.bad.key)); (err == nil) != (cannot == nil) {
				t.Errorf("at the start: %v, and the library says %v", err, cannot)
			}
		})
	}
}

func writeBad(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatCannotBeReadIsKeptOut(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first, second := issue(a, "first", nil), issue(a, "second", nil)
	for name, become := range map[string]func(path string) error{
		"a folder":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":           func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a lost link":      func(path string) error { return os.Symlink("nowhere", path) },
		"a device":         func(path string) error { return os.Symlink("/dev/zero", path) },
		"gone":             func(string) error { return nil },
		"a large file":     func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("#"), 5<<20), 0o600) },
		"permission gone":  func(path string) error { return os.WriteFile(path, second.key, 0) },
		"a folder no more": func(path string) error { return os.Symlink(filepath.Join(path, "x"), path) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "permission gone" && os.Geteuid() == 0 {
				t.Skip("root may read everything")
			}
			r := newRig(t, first)
			r.do(os.Remove(r.key))
			r.do(become(r.key))
			r.look(4)
			r.expect(first, 0, 1, false)
			_ = os.Remove(r.key) // it may be gone already
			r.write(second)
			r.look(4)
			r.expect(second, 1, 1, true)
		})
	}
}

// A certificate whose chain is on its way is, for a moment, one without a chain.
func TestAPairThatIsBeingWrittenIsNotTaken(t *testing.T) {
	a := relaytest.NewAuthority(t)
	i := newIntermediate(t, a, "an intermediate")
	first, second := i.issue(a, "first"), i.issue(a, "second")
	r := newRig(t, first)
	r.writeFile(r.key, second.key)
	for end := 0; end < len(second.cert); end += 17 {
		r.writeFile(r.cert, second.cert[:end])
		r.look(1)
	}
	if len(r.changes) > 0 {
		t.Errorf("half of a pair was told: %+v", r.changes)
	}
	r.write(second)
	r.look(2)
	r.expect(second, 1, 0, true)
}

// Whatever comes in whatever order, what is shown is a certificate with its own key.
func TestAThousandReloadsInARow(t *testing.T) {
	a := relaytest.NewAuthority(t)
	all := []issued{issue(a, "first", nil), issue(a, "second", nil), issue(a, "third", nil)}
	r := newRig(t, all[0])
	for n := range 1000 {
		r.writeFile(r.cert, all[n%3].cert)
		r.writeFile(r.key, all[(n/3)%3].key)
		if n%2 == 0 {
			r.watch.StepAtOnce()
		} else {
			r.look(1)
		}
		if c := r.pair.Certificate(); c.Leaf == nil || !publicOf(c).Equal(c.Leaf.PublicKey) {
			t.Fatal("a certificate is shown with another's key")
		}
	}
	r.write(all[2])
	r.look(2)
	if got := r.pair.Certificate().Leaf.Subject.CommonName; got != "third" {
		t.Errorf("after all the pair in force is the %s", got)
	}
}

func TestAPairThatIsGoodLaterIsTakenThen(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first := issue(a, "first", nil)
	r := newRig(t, first)
	later := issue(a, "later", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = r.now.Add(10*time.Minute), r.now.Add(20*time.Minute)
	})
	r.write(later)
	r.look(5)
	r.expect(first, 0, 1, false)
	r.now = r.now.Add(11 * time.Minute)
	r.look(1)
	r.expect(later, 1, 1, true)
}

func TestThatAPairExpiresIsToldOnce(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first := issue(a, "first", nil)
	r := newRig(t, first)
	r.watch.StepAtOnce()
	r.now = r.now.Add(2 * time.Hour)
	r.look(5)
	r.expect(first, 0, 0, false)
	if n := strings.Count(r.log.String(), "TLS files have expired"); n != 1 {
		t.Errorf("told %d times:\n%s", n, r.log.String())
	}
	next := issue(a, "next", func(c *x509.Certificate) { c.NotAfter = r.now.Add(time.Hour) })
	r.write(next)
	r.look(2)
	r.expect(next, 1, 0, true)
}

// Kubernetes keeps the files of a Secret in a folder with a new name for each version, to
// which ..data leads, and the files' own names lead there.
func TestKubernetesSwapsALink(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first, second := issue(a, "first", nil), issue(a, "second", nil)
	folder := t.TempDir()
	r := &rig{t: t, cert: filepath.Join(folder, "tls.crt"), key: filepath.Join(folder, "tls.key"), now: time.Now()}
	version := func(name string, i issued) {
		r.do(os.Mkdir(filepath.Join(folder, name), 0o700))
		r.writeFile(filepath.Join(folder, name, "tls.crt"), i.cert)
		r.writeFile(filepath.Join(folder, name, "tls.key"), i.key)
		r.do(os.Symlink(name, filepath.Join(folder, "..data_tmp")))
		r.do(os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
	}
	version("..1", first)
	r.do(os.Symlink("..data/tls.crt", r.cert))
	r.do(os.Symlink("..data/tls.key", r.key))
	r.load()
	version("..2", second)
	r.do(os.RemoveAll(filepath.Join(folder, "..1")))
	r.look(2)
	r.expect(second, 1, 0, true)
	version("..3", issued{cert: first.cert, key: second.key})
	r.look(4)
	r.expect(second, 1, 1, false)
	version("..4", first)
	r.look(2)
	r.expect(first, 2, 1, true)
}

func TestThatOthersMayReadAKeyIsWarnedOf(t *testing.T) {
	a := relaytest.NewAuthority(t)
	r := newRig(t, issue(a, "first", nil))
	const warning = "others may read the key of a certificate"
	r.write(issue(a, "second", nil))
	r.look(2)
	if strings.Contains(r.log.String(), warning) {
		t.Error("it is warned of a key that nobody else may read")
	}
	r.do(os.Chmod(r.key, 0o644))
	third := issue(a, "third", nil)
	r.write(third)
	r.look(2)
	r.expect(third, 2, 0, true)
	if !strings.Contains(r.log.String(), warning) {
		t.Errorf("it is not warned of: %s", r.log.String())
	}
}

// Backends that do not verify call the relay by whatever name leads to it; who verifies
// refuses by himself.
func TestWhoAsksForAnotherHostIsServed(t *testing.T) {
	a := relaytest.NewAuthority(t)
	named := issue(a, "named", func(c *x509.Certificate) { c.DNSNames = []string{"relay.example.com"} })
	pair := newRig(t, named).pair
	for _, name := range []string{"relay.example.com", "soketi", "", "192.0.2.7", strings.Repeat("a", 5000)} {
		c, err := pair.Get(&tls.ClientHelloInfo{ServerName: name})
		if err != nil || c != pair.Certificate() {
			t.Errorf("%.50q: got a certificate %v, %v", name, c != nil, err)
		}
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: pair.Get})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, verifies := range []bool{false, true} {
		ended := make(chan struct{})
		go func() { // it is waited for below
			defer close(ended)
			if conn, err := listener.Accept(); err == nil {
				_ = conn.(*tls.Conn).HandshakeContext(t.Context())
				_ = conn.Close()
			}
		}()
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: "soketi", RootCAs: a.Pool, InsecureSkipVerify: !verifies})
		if err == nil {
			conn.Close()
		}
		<-ended
		if (err != nil) != verifies {
			t.Errorf("who verifies (%v) another name gets %v", verifies, err)
		}
	}
}
