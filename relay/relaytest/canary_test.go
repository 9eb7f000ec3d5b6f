package relaytest

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

// The test of the test: whatever the form, a secret is found where it is, and belongs where
// it may be.
func TestACanaryIsFoundInAnyForm(t *testing.T) {
	c := NewCanaries()
	secret := c.Make("token", "here")
	c.Saw("here", secret)
	if all := c.Find(); len(all) > 0 {
		t.Fatalf("where it belongs it is found: %v", all)
	}
	for _, text := range []string{
		secret, hex.EncodeToString([]byte(secret)), url.QueryEscape(secret), "user:" + url.PathEscape(secret) + "@host",
		base64.StdEncoding.EncodeToString([]byte("admin:" + secret)), base64.StdEncoding.EncodeToString([]byte("relay:" + secret + "!")),
		base64.URLEncoding.EncodeToString([]byte("me:" + secret)), strings.ReplaceAll(secret, "/", `\/`),
	} {
		c := NewCanaries()
		c.Add("token", secret, "here")
		c.Saw("there", "before "+text+" after")
		if all := c.Find(); len(all) == 0 || all[0].What != "token" || all[0].Place != "there" {
			t.Errorf("it is not found in %s", text)
		}
	}
}
