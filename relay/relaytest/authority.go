package relaytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a certificate authority of a test's own.
type Authority struct {
	// File is a PEM file with its certificate, Pool holds that alone.
	File string
	Pool *x509.CertPool
	Cert *x509.Certificate
	Key  crypto.Signer

	t testing.TB
}

// Issued is a certificate that an authority signed, with its key, also as PEM files.
type Issued struct {
	CertFile, KeyFile string
	Pair              tls.Certificate
}

// NewAuthority makes an authority.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	key := newKey(t)
	now := time.Now()
	cert := &x509.Certificate{
		SerialNumber: newSerial(t), Subject: pkix.Name{CommonName: "an authority of a test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a := &Authority{File: filepath.Join(t.TempDir(), "authority.pem"), Pool: x509.NewCertPool(), Key: key, t: t}
	a.Cert, _ = sign(t, cert, cert, key.Public(), key)
	a.Pool.AddCert(a.Cert)
	WritePEM(t, a.File, "CERTIFICATE", a.Cert.Raw)
	return a
}

// AuthorityOf is an authority whose certificate another one signed.
func AuthorityOf(t testing.TB, issued Issued) *Authority {
	t.Helper()
	key, ok := issued.Pair.PrivateKey.(crypto.Signer)
	if !ok {
		t.Fatal("the key of a certificate cannot sign")
	}
	a := &Authority{File: issued.CertFile, Pool: x509.NewCertPool(), Cert: issued.Pair.Leaf, Key: key, t: t}
	a.Pool.AddCert(a.Cert)
	return a
}

// Issue makes a certificate that is good for an hour, for this machine, for servers and for
// clients; change, unless it is nil, makes another of it before it is signed.
func (a *Authority) Issue(change func(*x509.Certificate)) Issued {
	a.t.Helper()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: newSerial(a.t), Subject: pkix.Name{CommonName: "a certificate of a test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	key := newKey(a.t)
	leaf, der := sign(a.t, template, a.Cert, key.Public(), a.Key)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	issued := Issued{
		CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		Pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
	}
	WritePEM(a.t, issued.CertFile, "CERTIFICATE", der)
	WritePEM(a.t, issued.KeyFile, "PRIVATE KEY", keyDER)
	return issued
}

// Certs is a certificate of the authority for this machine, as NewCerts makes one.
func (a *Authority) Certs() *Certs {
	a.t.Helper()
	issued := a.Issue(nil)
	return &Certs{CAFile: a.File, CertFile: issued.CertFile, KeyFile: issued.KeyFile, Pool: a.Pool}
}

// Revoke writes a revocation list with these certificates, and returns its PEM file.
func (a *Authority) Revoke(certs ...Issued) string {
	a.t.Helper()
	now := time.Now()
	list := &x509.RevocationList{Number: newSerial(a.t), ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(time.Hour)}
	for _, c := range certs {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: c.Pair.Leaf.SerialNumber, RevocationTime: now,
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Cert, a.Key)
	if err != nil {
		a.t.Fatal(err)
	}
	file := filepath.Join(a.t.TempDir(), "revoked.pem")
	WritePEM(a.t, file, "X509 CRL", der)
	return file
}

// WritePEM writes a PEM file that nobody else may read.
func WritePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sign(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) (*x509.Certificate, []byte) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, der
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newSerial(t testing.TB) *big.Int {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		t.Fatal(err)
	}
	return serial
}
