package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files that [LocalCertificate] keeps in its folder.
const (
	caFile   = "ca.pem"
	certFile = "cert.pem"
	keyFile  = "key.pem"
)

const (
	day           = 24 * time.Hour
	caLifetime    = 3650 * day
	certLifetime  = 397 * day // what browsers accept
	renewalMargin = 30 * day
)

// Certificate names the PEM files of a certificate.
type Certificate struct{ CA, Cert, Key string }

// LocalCertificate returns a certificate for the given names and addresses, from a
// certificate authority of its own, for demonstrations and tests. It makes both
// in dir once, and anew when the certificate lacks a name or soon ends. The
// authority's key is not kept: it can sign nothing else, whoever trusts it.
func LocalCertificate(dir string, hosts []string, now time.Time) (Certificate, error) {
	c := Certificate{filepath.Join(dir, caFile), filepath.Join(dir, certFile), filepath.Join(dir, keyFile)}
	if c.serves(hosts, now) {
		return c, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return c, fmt.Errorf("making a folder for certificates: %w", err)
	}
	if err := c.make(hosts, now); err != nil {
		return c, fmt.Errorf("making a local certificate: %w", err)
	}
	return c, nil
}

// serves says whether the files are there and will do.
func (c Certificate) serves(hosts []string, now time.Time) bool {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil || pair.Leaf.NotAfter.Before(now.Add(renewalMargin)) {
		return false
	}
	for _, host := range hosts {
		if pair.Leaf.VerifyHostname(host) != nil {
			return false
		}
	}
	_, err = os.Stat(c.CA)
	return err == nil
}

func (c Certificate) make(hosts []string, now time.Time) error {
	ca := template("buildrelay local CA", now, caLifetime)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf := template("buildrelay local", now, certLifetime)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	caKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	caDER, err1 := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	leafDER, err2 := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(key)
	return errors.Join(err1, err2, err3,
		writePEM(c.CA, "CERTIFICATE", caDER, 0o644),
		writePEM(c.Cert, "CERTIFICATE", leafDER, 0o644),
		writePEM(c.Key, "PRIVATE KEY", keyDER, 0o600))
}

func template(name string, now time.Time, lifetime time.Duration) *x509.Certificate {
	serial := new(big.Int).SetBytes([]byte(rand.Text()))
	return &x509.Certificate{
		SerialNumber: serial.Rsh(serial, 64),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(lifetime),
	}
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
