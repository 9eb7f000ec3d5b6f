package tlsfiles_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/tlsfiles"
)

// rig is a folder with a pair that is looked at, and what came of it.
type rig struct {
	t         *testing.T
	cert, key string // the paths
	pair      *tlsfiles.Pair
	watch     *tlsfiles.Watch
	now       time.Time
	log       bytes.Buffer
	changes   []tlsfiles.Change
}

// newRig loads the first pair.
func newRig(t *testing.T, first issued) *rig {
	t.Helper()
	folder := t.TempDir()
	r := &rig{t: t, cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem"), now: time.Now()}
	r.write(first)
	r.load()
	return r
}

func (r *rig) load() {
	r.t.Helper()
	var err error
	if r.pair, err = tlsfiles.LoadPair("listener", r.cert, r.key); err != nil {
		r.t.Fatal(err)
	}
	r.watch = &tlsfiles.Watch{
		Pairs:   []*tlsfiles.Pair{r.pair},
		Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.NewJSONHandler(&r.log, nil)),
		Now:     func() time.Time { return r.now },
		Changed: func(c tlsfiles.Change) { r.changes = append(r.changes, c) },
		Asks:    make(chan chan struct{}),
	}
}

func (r *rig) write(i issued) {
	r.t.Helper()
	r.writeFile(r.cert, i.cert)
	r.writeFile(r.key, i.key)
}

func (r *rig) writeFile(path string, text []byte) {
	r.t.Helper()
	r.do(os.WriteFile(path, text, 0o600))
}

func (r *rig) do(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) look(times int) {
	for range times {
		r.watch.Step()
	}
}

// expect compares what is in force, how many changes were put in force and refused, and what
// the metrics say.
func (r *rig) expect(inForce issued, taken, refused int, good bool) {
	r.t.Helper()
	if got := r.pair.Certificate(); !bytes.Equal(got.Certificate[0], inForce.leaf.Raw) {
		r.t.Errorf("the certificate in force is of %v, want that of %v", got.Leaf.Subject, inForce.leaf.Subject)
	}
	var gotTaken, gotRefused int
	for _, c := range r.changes {
		if c.Err == nil {
			gotTaken++
		} else {
			gotRefused++
		}
	}
	if gotTaken != taken || gotRefused != refused {
		r.t.Errorf("%d taken and %d refused, want %d and %d: %+v", gotTaken, gotRefused, taken, refused, r.changes)
	}
	if got := strings.Count(r.log.String(), "are refused"); got != refused {
		r.t.Errorf("%d refusals are logged, want %d:\n%s", got, refused, r.log.String())
	}
	r.expectMetrics(inForce.leaf.NotAfter, good)
}

func (r *rig) expectMetrics(expiry time.Time, good bool) {
	r.t.Helper()
	m := r.watch.Metrics
	if got := testutil.ToFloat64(m.CertificateGood.WithLabelValues("listener")); (got == 1) != good {
		r.t.Errorf("good is %v, want %v", got, good)
	}
	if got := testutil.ToFloat64(m.CertificateExpiry.WithLabelValues("listener")); got != float64(expiry.Unix()) {
		r.t.Errorf("the expiry is %v, want %v", got, expiry.Unix())
	}
}

// issued is a certificate with its chain, and its key, as the texts of files.
type issued struct {
	cert, key []byte
	leaf      *x509.Certificate
}

// issue makes a certificate of an authority, and a name to tell it by.
func issue(a *relaytest.Authority, name string, change func(*x509.Certificate)) issued {
	made := a.Issue(func(c *x509.Certificate) {
		c.Subject.CommonName = name
		if change != nil {
			change(c)
		}
	})
	return textsOf(made.Pair)
}

func textsOf(pair tls.Certificate) issued {
	var i issued
	for _, der := range pair.Certificate {
		i.cert = append(i.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		panic(err)
	}
	i.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	i.leaf = pair.Leaf
	return i
}

// intermediate is an authority that another has signed.
type intermediate struct {
	t    *testing.T
	pair tls.Certificate
}

func newIntermediate(t *testing.T, a *relaytest.Authority, name string) intermediate {
	t.Helper()
	made := a.Issue(func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = name, true, true, x509.KeyUsageCertSign
	})
	return intermediate{t, made.Pair}
}

// issue has the chain behind the certificate.
func (i intermediate) issue(a *relaytest.Authority, name string) issued {
	i.t.Helper()
	made := a.Issue(func(c *x509.Certificate) { c.Subject.CommonName = name })
	return i.sign(made.Pair.Leaf, made.Pair.PrivateKey)
}

func (i intermediate) sign(template *x509.Certificate, key crypto.PrivateKey) issued {
	i.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, i.pair.Leaf, key.(crypto.Signer).Public(), i.pair.PrivateKey)
	if err != nil {
		i.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return textsOf(tls.Certificate{Certificate: [][]byte{der, i.pair.Certificate[0]}, PrivateKey: key, Leaf: leaf})
}

// weak is a certificate with an RSA key that is too short.
func weak(t *testing.T, a *relaytest.Authority) issued {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	template := a.Issue(nil).Pair.Leaf
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, key.Public(), a.Key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return textsOf(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf})
}

// firstOf is the first PEM block of a text.
func firstOf(text []byte) []byte {
	block, _ := pem.Decode(text)
	return pem.EncodeToMemory(block)
}
