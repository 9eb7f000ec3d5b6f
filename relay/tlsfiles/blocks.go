package tlsfiles

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
)

// blocks are all PEM blocks of a text. The library passes over what it cannot read, and so
// takes a file that is half written for a shorter one; here that is an error.
func blocks(text []byte) ([]*pem.Block, error) {
	var all []*pem.Block
	rest := text
	for {
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		all, rest = append(all, block), after
	}
	begun := bytes.Count(text, []byte("-----BEGIN "))
	switch {
	case begun == 0:
		return nil, errors.New("is no PEM file")
	case begun != len(all) || bytes.Contains(rest, []byte("-----")):
		return nil, errors.New("is cut off, or not all PEM")
	}
	return all, nil
}

// blocksOf are what the blocks of a kind hold.
func blocksOf(kind string, text []byte) ([][]byte, error) {
	all, err := blocks(text)
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for _, b := range all {
		if b.Type == kind {
			found = append(found, b.Bytes)
		}
	}
	return found, nil
}

// certificates are all in a PEM file, at least one.
func certificates(text []byte) ([]*x509.Certificate, error) {
	found, err := blocksOf("CERTIFICATE", text)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("file holds none")
	}
	all := make([]*x509.Certificate, len(found))
	for i, der := range found {
		if all[i], err = x509.ParseCertificate(der); err != nil {
			return nil, errors.Join(errors.New("cannot be read"), err)
		}
	}
	return all, nil
}

// fingerprint is by what people tell certificates apart.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
