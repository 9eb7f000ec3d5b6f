package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHowToServeTLSIsChecked(t *testing.T) {
	const directory = "https://ca.example.com/directory"
	acme := map[string]string{
		"RELAY_TLS": "on", "RELAY_ACME_DIRECTORY": directory, "RELAY_ACME_HOSTS": "relay.example.com, ci.example.com", "RELAY_DATA_DIR": "/data",
	}
	for _, test := range []struct {
		name, value string // changed in the settings above
		want        string // in the error; "" for none
	}{
		{"", "", ""},
		{"RELAY_ACME_EMAIL", "ops@example.com", ""},
		{"RELAY_TLS_CERT_FILE", "cert.pem", "RELAY_ACME_DIRECTORY and RELAY_TLS_CERT_FILE are both set"},
		{"RELAY_TLS", "off", "RELAY_ACME_DIRECTORY is of no use with RELAY_TLS=off"},
		{"RELAY_DATA_DIR", "", "RELAY_DATA_DIR is not set"},
		{"RELAY_ACME_HOSTS", "", "RELAY_ACME_HOSTS: it is empty"},
		{"RELAY_ACME_HOSTS", "*.example.com", `RELAY_ACME_HOSTS: "*.example.com" is no host`},
		{"RELAY_ACME_DIRECTORY", "ca.example.com", "RELAY_ACME_DIRECTORY: it must be the URL"},
		{"RELAY_ACME_DIRECTORY", "", "RELAY_ACME_DIRECTORY is not set"},
		{"RELAY_HSTS", "-1s", "RELAY_HSTS is -1s"},
	} {
		settings := enough()
		for name, value := range acme {
			settings[name] = value
		}
		c, err := loadConfig(environOf(settings, map[string]string{test.name: test.value}))
		if err != nil {
			t.Fatal(err)
		}
		err = c.checkTLS()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s=%s: got %v, want %q", test.name, test.value, err, test.want)
		}
	}
}

func TestPagesTellBrowsersToBeStrict(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "https://ci.example.com/", http.NoBody)
	w := httptest.NewRecorder()
	strictPage(http.NotFoundHandler(), time.Hour).ServeHTTP(w, r)
	for header, want := range map[string]string{"Strict-Transport-Security": "max-age=3600", "X-Content-Type-Options": "nosniff"} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
}
