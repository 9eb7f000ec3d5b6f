package seal_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

func tokenOf(token auth.Secret) func() (auth.Secret, error) {
	return func() (auth.Secret, error) { return token, nil }
}

// kekOf is how v is asked.
func kekOf(t *testing.T, v *relaytest.Vault, token auth.Secret) seal.KEK {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(must(os.ReadFile(v.CAFile))) {
		t.Fatal("Vault has no certificate")
	}
	return must(seal.NewVault(seal.VaultConfig{Key: v.Key, Token: tokenOf(token), Roots: func() *x509.CertPool { return roots }}))
}

func TestASetThatVaultHasSealedIsOpenedByVaultAlone(t *testing.T) {
	t.Parallel()
	v := relaytest.StartVault(t)
	kek := kekOf(t, v, auth.Secret(v.Token))
	set := must(must(seal.New()).Rotate())
	text := must(set.Text(t.Context(), kek))
	plain := textOf(set)
	if strings.Contains(string(text), plain[strings.Index(plain, `"value":"`)+9:][:40]) {
		t.Errorf("a key shows in %s", text)
	}
	read := must(seal.Parse(t.Context(), text, kek))
	if got, err := seal.NewKeys(read).OpenEntry(app, channel, event, sealEntry(seal.NewKeys(set))); err != nil || got != data {
		t.Errorf("opened as %q, %v", got, err)
	}
	changed := []byte(strings.Replace(string(text), `"encryptedKeyset":"`, `"encryptedKeyset":"dmF1bHQ6`, 1))
	for name, c := range map[string]struct {
		text []byte
		kek  seal.KEK
		says string
	}{
		"without Vault":    {text, nil, "RELAY_KEYS_VAULT must name"},
		"a plain one":      {[]byte(plain), kek, "it is plain, though"},
		"another Vault's":  {text, kekOf(t, relaytest.StartVault(t), auth.Secret(v.Token)), "403"},
		"the wrong token":  {text, kekOf(t, v, "hunter2"), `answered 403 "permission denied"`},
		"changed":          {changed, kek, "answered 400"},
		"of half a base64": {[]byte(strings.Replace(string(text), `"encryptedKeyset":"`, `"encryptedKeyset":"!`, 1)), kek, "no key set of Tink"},
	} {
		set, err := seal.Parse(t.Context(), c.text, c.kek)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), v.Token) {
			t.Errorf("%s: %v, %v, want %q", name, set, err, c.says)
		}
	}
}

// A Vault that is away when the file changes is asked again, and told of once.
func TestAVaultThatIsAwayIsAskedAgain(t *testing.T) {
	t.Parallel()
	v := relaytest.StartVault(t)
	kek := kekOf(t, v, auth.Secret(v.Token))
	first := must(seal.New())
	w := watch(t, first, kek)
	second := must(first.Rotate())
	text := must(second.Text(t.Context(), kek))
	v.Down.Store(true)
	w.write(string(text))
	before := v.Asked.Load()
	w.look(5)
	if calls := v.Asked.Load() - before; calls != 1 {
		t.Errorf("Vault is asked %d times by 5 looks", calls)
	}
	w.expect(false, "refused")
	if !strings.Contains(w.log.String(), "Vault is sealed") {
		t.Errorf("why is not told in %s", w.log.String())
	}
	v.Down.Store(false)
	w.look(10)
	w.expect(true, "refused", second.Seals().String())
	asked := v.Asked.Load()
	w.look(5)
	if v.Asked.Load() != asked {
		t.Error("Vault is asked though nothing has changed")
	}
}

// Tokens end, and an agent of Vault's writes new ones: the one of now is shown.
func TestTheTokenOfNowIsShown(t *testing.T) {
	t.Parallel()
	v := relaytest.StartVault(t)
	token, failed := auth.Secret("ended"), error(nil)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(v.CAFile)))
	kek := must(seal.NewVault(seal.VaultConfig{Key: v.Key, Roots: func() *x509.CertPool { return roots }, Token: func() (auth.Secret, error) { return token, failed }}))
	first := must(seal.New())
	if _, err := first.Text(t.Context(), kek); !errors.Is(err, seal.ErrAway) {
		t.Errorf("a token that has ended: %v", err)
	}
	failed = errors.New("open /token: no such file")
	if _, err := first.Text(t.Context(), kek); !errors.Is(err, seal.ErrAway) || !strings.Contains(err.Error(), "its token: open /token") {
		t.Errorf("no token: %v", err)
	}
	token, failed = auth.Secret(v.Token), nil
	if _, err := first.Text(t.Context(), kek); err != nil {
		t.Error(err)
	}
}

func TestVaultIsAskedByTLSAndNowhereElse(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{
		"https://vault.example.com:8200/transit/keys/buildrelay":     "",
		"https://vault.example.com:8200/v1/transit/keys/buildrelay":  "",
		"https://vault.example.com/team/a/transit/keys/buildrelay":   "",
		"http://127.0.0.1:8200/transit/keys/buildrelay":              "",
		"http://vault.example.com:8200/transit/keys/buildrelay":      "must begin with https",
		"ftp://127.0.0.1/transit/keys/buildrelay":                    "must begin with https",
		"https://vault.example.com:8200/transit/buildrelay":          "no key of Vault's transit engine such as",
		"https://vault.example.com:8200/transit/keys/":               "no key of Vault's",
		"https://vault.example.com:8200/keys/buildrelay":             "no key of Vault's",
		"https://vault.example.com:8200":                             "no key of Vault's",
		"transit/keys/buildrelay":                                    "no key of Vault's",
		"https://u:hunter2@vault.example.com/transit/keys/a":         "no key of Vault's",
		"https://vault.example.com/transit/keys/a?token=hunter2":     "no key of Vault's",
		"https://vault.example.com:hunter2/transit/keys/a":           "no key of Vault's",
		"https://vault.example.com/transit/keys/buildrelay#hunter2":  "no key of Vault's",
		"https://vault.example.com:8200/transit/keys/buildrelay/abc": "no key of Vault's",
	} {
		_, err := seal.NewVault(seal.VaultConfig{Key: url, Token: tokenOf("t")})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
	}
}

func TestAnswersThatAreNotVaultsAreRefused(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s is asked, with the token %q", r.URL, r.Header.Get("X-Vault-Token"))
	}))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		says   string
		away   bool
	}{
		"a redirect": {func(w http.ResponseWriter) { w.Header().Set("Location", elsewhere.URL); w.WriteHeader(307) }, "answered 307", false},
		"no JSON":    {func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, "none of Vault's answers", false},
		"no base64":  {func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"data":{"plaintext":"!"}}`)) }, "none of Vault's answers", false},
		"nothing":    {func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{}`)) }, "without a text", false},
		"half":       {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "9"); _, _ = w.Write([]byte(`{`)) }, "unexpected EOF", true},
		"too much": {func(w http.ResponseWriter) {
			_, _ = w.Write([]byte(`{"data":{"ciphertext":"` + strings.Repeat("x", 2<<20) + `"}}`))
		}, "none of Vault's answers", false},
		"unavailable": {func(w http.ResponseWriter) { w.WriteHeader(503) }, `answered 503 ""`, true},
		"too busy":    {func(w http.ResponseWriter) { w.WriteHeader(429) }, "answered 429", true},
		"a long error": {func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"errors":["` + strings.Repeat("x", 9000) + `"]}`))
		}, "xxx", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }))
			defer server.Close()
			kek := must(seal.NewVault(seal.VaultConfig{Key: server.URL + "/transit/keys/k", Token: tokenOf("hunter2")}))
			_, err := kek.EncryptWithContext(t.Context(), []byte("x"), nil)
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, seal.ErrAway) != c.away || len(err.Error()) > 1000 || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v, want %q, away %v", err, c.says, c.away)
			}
		})
	}
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	kek := must(seal.NewVault(seal.VaultConfig{Key: server.URL + "/transit/keys/k", Token: tokenOf("hunter2")}))
	if _, err := kek.DecryptWithContext(context.Background(), []byte("x"), nil); !errors.Is(err, seal.ErrAway) {
		t.Errorf("nobody there: %v", err)
	}
}
