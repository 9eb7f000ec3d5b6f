package seal

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/loopback"
	"buildrelay/relay/tlsclient"
)

// ErrAway says that the key which a set is sealed with could not be asked; it may pass.
var ErrAway = errors.New("Vault cannot be asked")

// VaultConfig says which key of Vault's transit engine a key set is sealed with, and how to ask it.
// Key and Token are required.
type VaultConfig struct {
	// Key is https://HOST:PORT/MOUNT/keys/NAME. Without TLS Vault may be on this machine alone.
	Key string
	// Token returns the token to show, which may be another each time: tokens end.
	Token func() (auth.Secret, error)
	// Roots returns the authorities of Vault's certificate, which may be others each time; nil, as
	// what it returns, means the system's.
	Roots func() *x509.CertPool
}

// Vault seals by the HTTP API of Vault's transit engine, or of whatever has the same. The key
// never leaves it. It is a [KEK], and safe for concurrent use.
type Vault struct {
	encrypt, decrypt string // URLs
	token            func() (auth.Secret, error)
	client           *http.Client
}

const (
	// vaultTime is how long an answer may take.
	vaultTime = 10 * time.Second
	// mostAnswer is more than the text of a key set needs, in bytes.
	mostAnswer = 4 * mostText
)

// NewVault asks nothing yet.
func NewVault(c VaultConfig) (*Vault, error) {
	u, err := url.Parse(c.Key)
	if err != nil {
		return nil, errNoVaultKey // the library tells all of the text
	}
	mount, name := path.Split(strings.TrimSuffix(u.Path, "/"))
	mount, keys := strings.CutSuffix(mount, "/keys/")
	switch {
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !keys || mount == "" || name == "":
		return nil, errNoVaultKey
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.IsHost(u.Hostname())):
		return nil, errors.New("it must begin with https (http is for a Vault at 127.0.0.1 alone)")
	}
	to := func(what string) string {
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/v1" + strings.TrimPrefix(mount, "/v1") + "/" + what + "/" + name}).String()
	}
	return &Vault{to("encrypt"), to("decrypt"), c.Token, vaultClient(c.Roots)}, nil
}

// vaultClient goes where it is told and nowhere else: another address would get the token.
func vaultClient(roots func() *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout:       vaultTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: tlsclient.New(&http.Transport{
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
		}, tlsclient.Trust{Roots: roots}),
	}
}

var errNoVaultKey = errors.New("it is no key of Vault's transit engine such as https://vault.example.com:8200/transit/keys/buildrelay")

// vaultText is what requests and answers have; []byte is base64 in JSON.
type vaultText struct {
	Plaintext      []byte `json:"plaintext,omitempty"`
	Ciphertext     string `json:"ciphertext,omitempty"`
	AssociatedData []byte `json:"associated_data,omitempty"`
}

// EncryptWithContext implements [KEK].
func (v *Vault) EncryptWithContext(ctx context.Context, data, with []byte) ([]byte, error) {
	answer, err := v.ask(ctx, v.encrypt, vaultText{Plaintext: data, AssociatedData: with})
	if err == nil && answer.Ciphertext == "" {
		err = errors.New("Vault answered without a text")
	}
	return []byte(answer.Ciphertext), err
}

// DecryptWithContext implements [KEK].
func (v *Vault) DecryptWithContext(ctx context.Context, text, with []byte) ([]byte, error) {
	answer, err := v.ask(ctx, v.decrypt, vaultText{Ciphertext: string(text), AssociatedData: with})
	return answer.Plaintext, err
}

func (v *Vault) ask(ctx context.Context, url string, what vaultText) (answer vaultText, err error) {
	request, err := v.request(ctx, url, what)
	if err != nil {
		return answer, err
	}
	reply, err := v.client.Do(request)
	if err != nil {
		return answer, fmt.Errorf("%w: %w", ErrAway, err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, mostAnswer))
	if err != nil {
		return answer, fmt.Errorf("%w: %s: %w", ErrAway, url, err)
	}
	if reply.StatusCode != http.StatusOK {
		return answer, refusal(url, reply.StatusCode, text)
	}
	var wrapped struct{ Data vaultText }
	if json.Unmarshal(text, &wrapped) != nil {
		return answer, fmt.Errorf("%s answered what is none of Vault's answers", url)
	}
	return wrapped.Data, nil
}

func (v *Vault) request(ctx context.Context, url string, what vaultText) (*http.Request, error) {
	token, err := v.token()
	if err != nil {
		return nil, fmt.Errorf("%w: its token: %w", ErrAway, err)
	}
	body, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Vault-Token", string(token))
	request.Header.Set("X-Vault-Request", "true")
	return request, nil
}

// refusal is the error of an answer that says no. Vault tells why, and no secret with it. Another
// token may be good.
func refusal(url string, status int, text []byte) error {
	var told struct{ Errors []string }
	_ = json.Unmarshal(text, &told) // there may be none
	why := strings.Join(told.Errors, "; ")
	err := fmt.Errorf("%s answered %d %q", url, status, why[:min(len(why), 200)])
	if status >= 500 || status == http.StatusTooManyRequests || status == http.StatusForbidden {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}
