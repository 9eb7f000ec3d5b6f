package relaytest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Vault stands in for HashiCorp's Vault: it answers what the manual of the transit engine's
// HTTP API says, for one key, and knows nothing else.
type Vault struct {
	// Key is the URL of the key, Token what it wants to be shown, and CAFile the authority of
	// its certificate.
	Key, Token, CAFile string
	// Down, while it is set, makes it answer as a Vault that is sealed.
	Down atomic.Bool
	// Asked counts the calls.
	Asked atomic.Int64

	aead cipher.AEAD
}

// StartVault starts it, until the test ends.
func StartVault(t testing.TB) *Vault {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	v := &Vault{Token: "hvs." + rand.Text()}
	if v.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/transit/encrypt/buildrelay", v.answer(v.encrypt))
	mux.HandleFunc("POST /v1/transit/decrypt/buildrelay", v.answer(v.decrypt))
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	v.Key = server.URL + "/transit/keys/buildrelay"
	v.CAFile = t.TempDir() + "/vault.pem"
	WritePEM(t, v.CAFile, "CERTIFICATE", server.Certificate().Raw)
	return v
}

// vaultCall is what is asked and answered; []byte is base64 in JSON.
type vaultCall struct {
	Plaintext      []byte `json:"plaintext,omitempty"`
	Ciphertext     string `json:"ciphertext,omitempty"`
	AssociatedData []byte `json:"associated_data,omitempty"`
}

func (v *Vault) answer(do func(vaultCall) (vaultCall, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v.Asked.Add(1)
		var call vaultCall
		switch {
		case v.Down.Load():
			vaultError(w, http.StatusServiceUnavailable, "Vault is sealed")
			return
		case r.Header.Get("X-Vault-Token") != v.Token:
			vaultError(w, http.StatusForbidden, "permission denied")
			return
		case json.NewDecoder(r.Body).Decode(&call) != nil:
			vaultError(w, http.StatusBadRequest, "error parsing JSON")
			return
		}
		data, ok := do(call)
		if !ok {
			vaultError(w, http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": data, "lease_duration": 0, "renewable": false})
	}
}

func vaultError(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{text}})
}

func (v *Vault) encrypt(call vaultCall) (vaultCall, bool) {
	nonce := make([]byte, v.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	sealed := v.aead.Seal(nonce, nonce, call.Plaintext, call.AssociatedData)
	return vaultCall{Ciphertext: "vault:v1:" + base64.StdEncoding.EncodeToString(sealed)}, true
}

func (v *Vault) decrypt(call vaultCall) (vaultCall, bool) {
	text, ok := strings.CutPrefix(call.Ciphertext, "vault:v1:")
	sealed, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(sealed) < v.aead.NonceSize() {
		return vaultCall{}, false
	}
	opened, err := v.aead.Open(nil, sealed[:v.aead.NonceSize()], sealed[v.aead.NonceSize():], call.AssociatedData)
	return vaultCall{Plaintext: opened}, err == nil
}
